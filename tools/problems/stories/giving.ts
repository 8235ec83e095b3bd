/** Something is had, something comes, something goes. */
import { EASY_UP, STANDARD, step, type Draw, type Template } from '../template';

const change = (draw: Draw) => ({ start: draw.many(), given: draw.some(), found: draw.some() });
const start = '{name} has {start} {things}.';
const gives = '{name} gives {given} {things} to {other}.';
const finds = '{name} finds {found} {things}.';
const afterGiving = step('kept', 'start - given', '{name} keeps {} {things}.');

export const GIVING: readonly Template[] = [
  {
    id: 'giving.end',
    levels: EASY_UP,
    numbers: change,
    body: [`${start} ${gives}`, finds],
    ask: 'How many {things} does {name} have now?',
    steps: [afterGiving, step('now', 'kept + found', 'Now {name} has {} {things}.')],
  },
  {
    id: 'giving.start',
    levels: EASY_UP,
    numbers: (draw) => ({ given: draw.some(), left: draw.many() }),
    body: ['{name} gives {given} {things} to {other}.', '{name} has {left} {things} left.'],
    anyOrder: true,
    ask: 'How many {things} did {name} have at first?',
    steps: [step('start', 'left + given', 'At first {name} had {} {things}.')],
  },
  {
    id: 'giving.two_friends',
    levels: EASY_UP,
    numbers: (draw) => ({ start: draw.many(), given: draw.some(), given_too: draw.some() }),
    body: [start, gives, '{name} gives {given_too} {things} to {third}.'],
    ask: 'How many {things} does {name} have left?',
    steps: [
      step('gone', 'given + given_too', '{name} gives away {} {things}.'),
      step('left', 'start - gone', '{name} has {} {things} left.'),
    ],
  },
  {
    id: 'giving.given',
    levels: STANDARD,
    numbers: (draw) => ({ start: draw.many(), left: draw.some() }),
    body: [`${start} {He} gives some to {other}.`, 'Now {name} has {left} {things}.'],
    ask: 'How many {things} did {name} give to {other}?',
    steps: [step('given', 'start - left', '{name} gave away {} {things}.')],
  },
  {
    id: 'giving.both',
    levels: STANDARD,
    numbers: (draw) => ({ start: draw.many(), given: draw.some(), had: draw.many() }),
    body: [start, '{other} has {had} {things}.', gives],
    ask: 'How many more {things} does {other} have than {name} now?',
    steps: [
      step('left', 'start - given', '{name} has {} {things} left.'),
      step('got', 'had + given', '{other} now has {} {things}.'),
      step('more', 'got - left', '{other} has {} more {things}.'),
    ],
  },
];
