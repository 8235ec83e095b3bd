/**
 * Difficulty levels. A level is a range for each size of number a story may ask for,
 * a choice of templates and words, and how often a story is varied.
 */
export type LevelName = 'easy' | 'standard';

/** The smallest and the largest number, both included. */
export type Range = readonly [number, number];

export interface Level {
  name: LevelName;
  title: string;
  /** One sentence for people. */
  about: string;
  /** Multipliers, days, boxes … */
  few: Range;
  /** What one box holds, what is given away … */
  some: Range;
  /** What somebody has at the start … */
  many: Range;
  /** No step may come out larger than this. */
  largest: number;
  /** Share of stories with a sentence that has nothing to do with the question. */
  distractorShare: number;
  /** Share of products of two or more digits that are worked out digit by digit, as 23*4 = 80+12. */
  decomposedShare: number;
  /** How many of the names and things of words.ts are used. */
  words: { names: number; things: number };
}

export const LEVELS: Record<LevelName, Level> = {
  easy: {
    name: 'easy',
    title: 'Easy',
    about: 'One to three steps, numbers up to two digits, nine families of stories.',
    few: [2, 9],
    some: [11, 49],
    many: [30, 99],
    largest: 499,
    distractorShare: 0.2,
    decomposedShare: 0.35,
    words: { names: 12, things: 12 },
  },
  standard: {
    name: 'standard',
    title: 'Standard',
    about: 'One to four steps, numbers up to three digits, twenty-three families of stories.',
    few: [2, 9],
    some: [11, 60],
    many: [40, 200],
    largest: 999,
    distractorShare: 0.25,
    decomposedShare: 0.35,
    words: { names: 32, things: 32 },
  },
};
