/**
 * Reading numbers out of text. `strict` is Python's float(), as ReFT's reference code calls it; `lenient` also reads
 * what people write.
 */
import type { Extraction } from './task';

const DIGITS = String.raw`\d(?:_?\d)*`;
const DECIMAL = new RegExp(
  String.raw`^[+-]?(?:${DIGITS}\.?(?:${DIGITS})?|\.${DIGITS})(?:[eE][+-]?${DIGITS})?$`,
);
const NAMED = /^([+-]?)(?:(inf(?:inity)?)|nan)$/i;

/**
 * Python's float(text): surrounding white space, a sign, underscores between digits, exponents, inf and nan are read;
 * null where float() raises ("1,000", "$5", "", "1/2"). Digits other than 0–9 are not read.
 */
export function parsePythonFloat(text: string): number | null {
  const trimmed = text.trim();
  if (DECIMAL.test(trimmed)) return Number(trimmed.replaceAll('_', ''));
  const named = NAMED.exec(trimmed);
  if (named === null) return null;
  if (named[2] === undefined) return NaN;
  return named[1] === '-' ? -Infinity : Infinity;
}

/** One number in running text, with currency sign and thousands commas; not part of a word, fraction, time or date. */
const WRITTEN =
  /(?<![\w.,/:])([+-]?)[$€£¥]?([+-]?)(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?!\d|[,./:]\d)/;

/**
 * The number in `text` as text that parsePythonFloat reads, or null.
 * `strict`: the whole text is a number. `lenient`: otherwise the first number in it: "1,000", "$5", "72.", "72 apples".
 */
export function readNumber(text: string, extraction: Extraction): string | null {
  if (parsePythonFloat(text) !== null) return text.trim();
  if (extraction === 'strict') return null;
  const found = WRITTEN.exec(text);
  if (found === null) return null;
  const [, before = '', after = '', digits = ''] = found;
  return `${before === '-' || after === '-' ? '-' : ''}${digits.replaceAll(',', '')}`;
}

/** Two answers closer than this are the same (ReFT's reference code). */
export const TOLERANCE = 0.01;

/** Whether two numbers as text are within TOLERANCE; false where either is no number, or is inf or nan. */
export function sameNumber(a: string, b: string): boolean {
  const left = parsePythonFloat(a);
  const right = parsePythonFloat(b);
  return left !== null && right !== null && Math.abs(left - right) <= TOLERANCE;
}

/** A gold answer of a file as clean text ("1,080" → "1080"), or null when it is no finite number. */
export function goldNumber(answer: unknown): string | null {
  if (typeof answer === 'number') return Number.isFinite(answer) ? String(answer) : null;
  if (typeof answer !== 'string') return null;
  const text = answer.trim().replace(/(?<=\d),(?=\d{3}(?!\d))/g, '');
  const value = parsePythonFloat(text);
  return value !== null && Number.isFinite(value) ? text : null;
}
