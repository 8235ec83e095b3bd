/** So many more, so many fewer. */
import { EASY_UP, STANDARD, step, type Draw, type Template } from '../template';

const pair = (draw: Draw) => ({ first: draw.many(), gap: draw.some() });
const has = '{name} has {first} {things}.';
const more = '{other} has {gap} more {things} than {name}.';
const fewer = '{other} has {gap} fewer {things} than {name}.';
const plus = step('second', 'first + gap', '{other} has {} {things}.');
const minus = step('second', 'first - gap', '{other} has {} {things}.');

export const COMPARING: readonly Template[] = [
  {
    id: 'comparing.more',
    levels: EASY_UP,
    numbers: pair,
    body: [has, more],
    anyOrder: true,
    ask: 'How many {things} does {other} have?',
    steps: [plus],
  },
  {
    id: 'comparing.fewer',
    levels: EASY_UP,
    numbers: pair,
    body: [has, fewer],
    anyOrder: true,
    ask: 'How many {things} does {other} have?',
    steps: [minus],
  },
  {
    id: 'comparing.more_together',
    levels: EASY_UP,
    numbers: pair,
    body: [has, more],
    ask: 'How many {things} do they have together?',
    steps: [plus, step('both', 'first + second', 'Together they have {} {things}.')],
  },
  {
    id: 'comparing.fewer_together',
    levels: EASY_UP,
    numbers: pair,
    body: [has, fewer],
    ask: 'How many {things} do they have together?',
    steps: [minus, step('both', 'first + second', 'Together they have {} {things}.')],
  },
  {
    id: 'comparing.gap',
    levels: STANDARD,
    numbers: (draw) => ({ first: draw.many(), second: draw.some() }),
    body: [has, '{other} has {second} {things}.'],
    anyOrder: true,
    ask: 'How many more {things} does {name} have than {other}?',
    steps: [step('gap', 'first - second', '{name} has {} more {things}.')],
  },
  {
    id: 'comparing.three',
    levels: STANDARD,
    numbers: (draw) => ({ ...pair(draw), gap_too: draw.some() }),
    body: [has, more, '{third} has {gap_too} fewer {things} than {other}.'],
    ask: 'How many {things} does {third} have?',
    steps: [plus, step('last', 'second - gap_too', '{third} has {} {things}.')],
  },
];
