/** The names and things stories are told with. The first of each list are those of the easy level. */

export interface Person {
  name: string;
  he: 'he' | 'she';
}

const she = (...names: string[]): Person[] => names.map((name) => ({ name, he: 'she' }));
const he = (...names: string[]): Person[] => names.map((name) => ({ name, he: 'he' }));

export const PEOPLE: readonly Person[] = [
  ...she('Mia', 'Ana', 'Lily', 'Rosa', 'Nina', 'Zoe'),
  ...he('Tom', 'Ben', 'Omar', 'Leo', 'Ivan', 'Sam'),
  ...she('Priya', 'Hana', 'Clara', 'Yuki', 'Fatima', 'Greta', 'Amara', 'Ines', 'Olga', 'Maya'),
  ...he('Jonas', 'Ravi', 'Diego', 'Kofi', 'Liam', 'Chen', 'Pavel', 'Hugo', 'Adam', 'Tariq'),
];

/** Things that can be counted, put into boxes, bought, given away and shared. */
export const THINGS: readonly string[] = [
  ...['pens', 'cards', 'books', 'apples', 'coins', 'shells', 'stamps', 'eggs', 'beads', 'nuts'],
  ...[
    'balls',
    'cakes',
    'stickers',
    'marbles',
    'pencils',
    'cookies',
    'buttons',
    'candles',
    'bottles',
    'flowers',
  ],
  ...[
    'lemons',
    'peaches',
    'ribbons',
    'photos',
    'magnets',
    'postcards',
    'plums',
    'crayons',
    'bricks',
    'seeds',
  ],
  ...['tickets', 'badges'],
];

/** One container and many of them. */
export const BOXES: readonly (readonly [string, string])[] = [
  ['box', 'boxes'],
  ['bag', 'bags'],
  ['basket', 'baskets'],
  ['jar', 'jars'],
];

export const COLOURS: readonly string[] = ['red', 'blue', 'green', 'white'];
