/** Equal groups: so many boxes with so many things in each. */
import { EASY_UP, STANDARD, step, type Draw, type Template } from '../template';

const filled = (draw: Draw) => ({ boxes: draw.few(), each: draw.some() });
const packed = (draw: Draw) => {
  const each = draw.few();
  const boxes = draw.some();
  return { total: each * boxes, each };
};
const has = '{name} has {boxes} {box_s} with {each} {things} each.';
const total = step('total', 'each * boxes', 'The {box_s} hold {} {things}.');

export const BOXES: readonly Template[] = [
  {
    id: 'boxes.total',
    levels: EASY_UP,
    weight: 0.5,
    numbers: filled,
    body: [has],
    ask: 'How many {things} does {name} have?',
    steps: [step('total', 'each * boxes', '{name} has {} {things}.')],
  },
  {
    id: 'boxes.loose',
    levels: EASY_UP,
    numbers: (draw) => ({ ...filled(draw), loose: draw.some() }),
    body: [has, '{name} has {loose} more {things}.'],
    ask: 'How many {things} does {name} have?',
    steps: [total, step('all', 'total + loose', '{name} has {} {things}.')],
  },
  {
    id: 'boxes.given',
    levels: EASY_UP,
    numbers: (draw) => ({ ...filled(draw), given: draw.some() }),
    body: [has, '{name} gives {given} {things} to {other}.'],
    ask: 'How many {things} does {name} have left?',
    steps: [total, step('left', 'total - given', '{name} has {} {things} left.')],
  },
  {
    id: 'boxes.count',
    levels: STANDARD,
    numbers: packed,
    body: ['{name} packs {total} {things} into {box_s} of {each}.'],
    ask: 'How many {box_s} does {name} fill?',
    steps: [step('boxes', 'total / each', '{name} fills {} {box_s}.')],
  },
  {
    id: 'boxes.two_sizes',
    levels: STANDARD,
    numbers: (draw) => ({
      large: draw.few(),
      in_large: draw.some(),
      small: draw.few(),
      in_small: draw.few(),
    }),
    body: [
      '{name} has {large} large {box_s} with {in_large} {things} each.',
      '{name} has {small} small {box_s} with {in_small} {things} each.',
    ],
    anyOrder: true,
    ask: 'How many {things} does {name} have?',
    steps: [
      step('large_total', 'in_large * large', 'The large {box_s} hold {} {things}.'),
      step('small_total', 'in_small * small', 'The small {box_s} hold {} {things}.'),
      step('all', 'large_total + small_total', '{name} has {} {things}.'),
    ],
  },
];
