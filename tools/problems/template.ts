/** What a story template is: plain data, and two small helpers to write it down. */
import type { LevelName } from './levels';

/** The numbers of a story by name, in the order they are mentioned in its program. */
export type Numbers = Record<string, number>;

export type Operator = '+' | '-' | '*' | '/';

/** One line of reasoning: `name = left operator right`, told by `says`, in which `{}` is the calculation. */
export interface Step {
  name: string;
  /** Name of a number or of an earlier step, or a literal such as `2`. */
  left: string;
  operator: Operator;
  right: string;
  says: string;
}

/** Draws numbers in the ranges of the level. */
export interface Draw {
  few(): number;
  some(): number;
  many(): number;
  /** A whole number between `low` and `high`, both included. */
  int(low: number, high: number): number;
}

export interface Template {
  /** `family.question`, unique. */
  id: string;
  levels: readonly LevelName[];
  /** How often it is told, 1 if left out; less where few numbers fit, so that none is used up. */
  weight?: number;
  numbers(draw: Draw): Numbers;
  /** Sentences; `{name}` and the like are words, `{total}` and the like are the story's numbers. */
  body: readonly string[];
  /** The sentences of `body` may stand in any order. */
  anyOrder?: boolean;
  ask: string;
  steps: readonly Step[];
}

export const EASY_UP: readonly LevelName[] = ['easy', 'standard'];
export const STANDARD: readonly LevelName[] = ['standard'];

/**
 * Writes a step down as it reads: `step('left', 'pens - given', '{Name} has {} pens left.')`.
 * Throws where the formula is not two operands around one operator.
 */
export function step(name: string, formula: string, says: string): Step {
  const match = /^(\w+) ([-+*/]) (\w+)$/.exec(formula);
  if (!match) throw new Error(`step "${name}": "${formula}" is not like "a + b"`);
  if (!says.includes('{}')) throw new Error(`step "${name}": "${says}" has no place {} for the calculation`);
  const [, left, operator, right] = match as unknown as [string, string, Operator, string];
  return { name, left, operator, right, says };
}
