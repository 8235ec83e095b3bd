/** What does not fit, or is not used up. */
import { EASY_UP, STANDARD, step, type Draw, type Template } from '../template';

const filling = (draw: Draw) => {
  const boxes = draw.few();
  const each = draw.some();
  return { total: boxes * each + draw.int(2, each - 1), boxes, each };
};
const story = '{name} has {total} {things}. {He} fills {boxes} {box_s} with {each} {things} each.';
const used = step('used', 'each * boxes', 'The {box_s} hold {} {things}.');

export const LEFTOVERS: readonly Template[] = [
  {
    id: 'leftovers.left',
    levels: EASY_UP,
    numbers: filling,
    body: [story],
    ask: 'How many {things} are left over?',
    steps: [used, step('left', 'total - used', '{} {things} are left over.')],
  },
  {
    id: 'leftovers.total',
    levels: EASY_UP,
    numbers: (draw) => {
      const each = draw.some();
      return { boxes: draw.few(), each, left: draw.int(2, each - 1) };
    },
    body: ['{name} fills {boxes} {box_s} with {each} {things} each.', '{left} {things} are left over.'],
    ask: 'How many {things} did {name} have?',
    steps: [used, step('total', 'used + left', '{name} had {} {things}.')],
  },
  {
    id: 'leftovers.boxes',
    levels: STANDARD,
    numbers: (draw) => {
      const each = draw.few() + 1;
      const left = draw.int(2, each - 1);
      return { total: each * draw.some() + left, each, left };
    },
    body: ['{name} packs {total} {things} into {box_s} of {each}.', '{left} {things} are left over.'],
    ask: 'How many {box_s} does {name} fill?',
    steps: [
      step('used', 'total - left', '{name} packs {} {things}.'),
      step('boxes', 'used / each', '{name} fills {} {box_s}.'),
    ],
  },
  {
    id: 'leftovers.used_up',
    levels: STANDARD,
    numbers: (draw) => {
      const { total, boxes, each } = filling(draw);
      return { total, boxes, each, more: draw.some() };
    },
    body: [story, '{other} gives {name} {more} more {things}.'],
    ask: 'How many {things} does {name} have outside the {box_s} now?',
    steps: [
      used,
      step('left', 'total - used', '{} {things} are left over.'),
      step('now', 'left + more', '{name} has {} {things} outside.'),
    ],
  },
];
