/** A whole and its parts. */
import { EASY_UP, STANDARD, step, type Draw, type Template } from '../template';

const parts = (draw: Draw) => ({ total: draw.many(), first: draw.some(), second: draw.some() });
const has = '{name} has {total} {things}.';
const sorted = '{first} are {colour}, {second} are {colour_too} and the rest are {colour_last}.';
const known = step('known', 'first + second', '{} {things} are {colour} or {colour_too}.');

export const COLOURS_STORIES: readonly Template[] = [
  {
    id: 'colours.rest',
    levels: EASY_UP,
    numbers: parts,
    body: [`${has} ${sorted}`],
    ask: 'How many {things} are {colour_last}?',
    steps: [known, step('rest', 'total - known', '{} {things} are {colour_last}.')],
  },
  {
    id: 'colours.all',
    levels: EASY_UP,
    numbers: (draw) => ({ first: draw.some(), second: draw.some(), last: draw.some() }),
    body: ['{name} has {first} {colour}, {second} {colour_too} and {last} {colour_last} {things}.'],
    ask: 'How many {things} does {name} have?',
    steps: [known, step('all', 'known + last', '{name} has {} {things}.')],
  },
  {
    id: 'colours.most',
    levels: STANDARD,
    numbers: (draw) => ({ total: draw.many(), first: draw.some() }),
    body: [`${has} {first} are {colour} and the rest are {colour_too}.`],
    ask: 'How many more {things} are {colour_too} than {colour}?',
    steps: [
      step('rest', 'total - first', '{} {things} are {colour_too}.'),
      step('gap', 'rest - first', '{} more {things} are {colour_too}.'),
    ],
  },
];
