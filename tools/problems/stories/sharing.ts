/** Shared equally. */
import { EASY_UP, STANDARD, step, type Draw, type Template } from '../template';

const shared = (draw: Draw) => {
  const friends = draw.few();
  return { total: friends * draw.some(), friends };
};
const shares = '{name} shares {total} {things} equally among {friends} friends.';
const each = step('each', 'total / friends', 'Each friend gets {} {things}.');

export const SHARING: readonly Template[] = [
  {
    id: 'sharing.each',
    levels: EASY_UP,
    weight: 0.5,
    numbers: shared,
    body: [shares],
    ask: 'How many {things} does each friend get?',
    steps: [each],
  },
  {
    id: 'sharing.joined',
    levels: EASY_UP,
    numbers: (draw) => {
      const friends = draw.few();
      const total = friends * draw.some();
      const own = draw.int(5, total - 5);
      return { own, more: total - own, friends };
    },
    body: [
      '{name} has {own} {things} and gets {more} more.',
      '{He} shares them equally among {friends} friends.',
    ],
    ask: 'How many {things} does each friend get?',
    steps: [step('total', 'own + more', '{name} has {} {things}.'), each],
  },
  {
    id: 'sharing.kept',
    levels: EASY_UP,
    numbers: (draw) => {
      const friends = draw.few();
      const kept = draw.some();
      return { all: friends * draw.some() + kept, kept, friends };
    },
    body: [
      '{name} has {all} {things}.',
      '{He} keeps {kept} and shares the rest equally among {friends} friends.',
    ],
    ask: 'How many {things} does each friend get?',
    steps: [step('total', 'all - kept', '{name} shares {} {things}.'), each],
  },
  {
    id: 'sharing.one_then',
    levels: STANDARD,
    numbers: (draw) => ({ ...shared(draw), used: draw.few() }),
    body: [shares, 'Each friend uses {used} {things}.'],
    ask: 'How many {things} does each friend have left?',
    steps: [each, step('left', 'each - used', 'Each friend has {} {things} left.')],
  },
  {
    id: 'sharing.boxes',
    levels: STANDARD,
    numbers: (draw) => {
      const friends = draw.few();
      return { boxes: friends * draw.few(), in_box: draw.few(), friends };
    },
    body: [
      '{name} has {boxes} {box_s} of {in_box} {things}.',
      '{He} shares all the {things} equally among {friends} friends.',
    ],
    ask: 'How many {things} does each friend get?',
    steps: [step('total', 'boxes * in_box', '{name} has {} {things}.'), each],
  },
];
