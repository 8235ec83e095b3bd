/** So many times as many. */
import { EASY_UP, STANDARD, step, type Draw, type Template } from '../template';

const multiple = (draw: Draw) => ({ first: draw.some(), times: draw.few() });
const has = '{name} has {first} {things}.';
const timesAsMany = '{other} has {times} times as many {things} as {name}.';
const second = step('second', 'first * times', '{other} has {} {things}.');

export const TIMES: readonly Template[] = [
  {
    id: 'times.other',
    levels: EASY_UP,
    weight: 0.5,
    numbers: multiple,
    body: [has, timesAsMany],
    anyOrder: true,
    ask: 'How many {things} does {other} have?',
    steps: [second],
  },
  {
    id: 'times.together',
    levels: EASY_UP,
    weight: 0.5,
    numbers: multiple,
    body: [has, timesAsMany],
    anyOrder: true,
    ask: 'How many {things} do they have together?',
    steps: [second, step('both', 'second + first', 'Together they have {} {things}.')],
  },
  {
    id: 'times.gap',
    levels: EASY_UP,
    weight: 0.5,
    numbers: multiple,
    body: [has, timesAsMany],
    anyOrder: true,
    ask: 'How many more {things} does {other} have than {name}?',
    steps: [second, step('gap', 'second - first', '{other} has {} more {things}.')],
  },
  {
    id: 'times.back',
    levels: STANDARD,
    numbers: (draw) => {
      const times = draw.few();
      return { total: times * draw.some(), times };
    },
    body: ['{name} has {total} {things}.', '{name} has {times} times as many {things} as {other}.'],
    anyOrder: true,
    ask: 'How many {things} does {other} have?',
    steps: [step('second', 'total / times', '{other} has {} {things}.')],
  },
  {
    id: 'times.third',
    levels: STANDARD,
    numbers: (draw) => ({ ...multiple(draw), gap: draw.some() }),
    body: [has, timesAsMany, '{third} has {gap} fewer {things} than {other}.'],
    ask: 'How many {things} do {name} and {third} have together?',
    steps: [
      second,
      step('last', 'second - gap', '{third} has {} {things}.'),
      step('both', 'first + last', 'Together they have {} {things}.'),
    ],
  },
];
