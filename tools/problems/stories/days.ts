/** So many a day. */
import { EASY_UP, STANDARD, step, type Draw, type Template } from '../template';

const daily = (draw: Draw) => ({ daily: draw.some(), days: draw.few() });
const makes = '{name} makes {daily} {things} a day for {days} days.';
const made = step('made', 'daily * days', '{name} makes {} {things}.');

export const DAYS: readonly Template[] = [
  {
    id: 'days.total',
    levels: EASY_UP,
    weight: 0.5,
    numbers: daily,
    body: [makes],
    ask: 'How many {things} does {name} make?',
    steps: [made],
  },
  {
    id: 'days.target',
    levels: EASY_UP,
    numbers: (draw) => {
      const { daily: rate, days } = daily(draw);
      return { daily: rate, days, target: rate * days + draw.some() };
    },
    body: [makes, '{name} wants to make {target} {things}.'],
    ask: 'How many more {things} does {name} need to make?',
    steps: [made, step('missing', 'target - made', '{name} needs {} more {things}.')],
  },
  {
    id: 'days.two',
    levels: EASY_UP,
    numbers: (draw) => ({ ...daily(draw), extra: draw.some() }),
    body: [makes, '{other} makes {extra} {things}.'],
    anyOrder: true,
    ask: 'How many {things} do they make together?',
    steps: [made, step('both', 'made + extra', 'Together they make {} {things}.')],
  },
  {
    id: 'days.needed',
    levels: STANDARD,
    numbers: (draw) => {
      const rate = draw.few();
      return { target: rate * draw.some(), daily: rate };
    },
    body: ['{name} wants to make {target} {things}.', '{name} makes {daily} {things} a day.'],
    anyOrder: true,
    ask: 'How many days does {name} need?',
    steps: [step('days', 'target / daily', '{name} needs {} days.')],
  },
  {
    id: 'days.after_start',
    levels: STANDARD,
    numbers: (draw) => {
      const rate = draw.few();
      const done = draw.some();
      return { target: rate * draw.some() + done, done, daily: rate };
    },
    body: [
      '{name} wants to make {target} {things}.',
      '{He} has made {done} and makes {daily} a day from now on.',
    ],
    ask: 'How many more days does {name} need?',
    steps: [
      step('missing', 'target - done', '{name} needs {} more {things}.'),
      step('days', 'missing / daily', '{name} needs {} more days.'),
    ],
  },
];
