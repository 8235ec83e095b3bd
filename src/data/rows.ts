/** A text as rows: one JSON object a line (jsonl), or the elements of one JSON array. */
import { LabError } from '../errors';
import { locateJsonError } from './json_error';
import type { BadRow } from './dataset';

export interface Row {
  /** Line (jsonl) or row of the array (json), from 1. */
  line: number;
  value: Record<string, unknown>;
}

export interface Rows {
  rows: Row[];
  /** Rows that are no JSON object. */
  bad: BadRow[];
}

/**
 * Reads the rows of a file's text.
 * Errors: `bad_input` when an array is broken (with row, line and column), or when the text is neither form of JSON.
 */
export function readRows(name: string, text: string): Rows {
  const first = text.trimStart()[0];
  if (first === '[') return arrayRows(name, text);
  if (first === '{') return jsonlRows(name, text);
  const shown = JSON.stringify(text.trim().slice(0, 40));
  throw new LabError('bad_input', `${name} is neither JSON nor jsonl: it begins with ${shown}. ${SUPPORTED}`);
}

/** What the lab reads, for every refusal of a file. */
export const SUPPORTED =
  'The lab reads GSM8K jsonl (question, answer), SVAMP json (Body, Question, Answer), MathQA json (Problem, options, correct) and ReFT json (item_id, question, answer_cot, answer_value).';

function arrayRows(name: string, text: string): Rows {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    const at = locateJsonError(text);
    const where = at === null ? '' : ` in row ${at.row} (line ${at.line}, column ${at.column}): ${at.what}`;
    throw new LabError(
      'bad_input',
      `${name} is not valid JSON${where}. Correct it there, or save the file again, and open it once more.`,
      { cause },
    );
  }
  return sorted((parsed as unknown[]).map((value, index) => ({ line: index + 1, value })));
}

function jsonlRows(name: string, text: string): Rows {
  const bad: BadRow[] = [];
  const values: { line: number; value: unknown }[] = [];
  const lines = text.split(/\r?\n/);
  for (const [index, content] of lines.entries()) {
    if (content.trim() === '') continue;
    try {
      values.push({ line: index + 1, value: JSON.parse(content) as unknown });
    } catch {
      bad.push({ line: index + 1, reason: brokenLine(content) });
    }
  }
  if (values.length === 0) {
    throw new LabError('bad_input', `${name} holds no line of JSON${oneObject(text)} ${SUPPORTED}`);
  }
  const objects = sorted(values);
  return { rows: objects.rows, bad: [...bad, ...objects.bad].sort((a, b) => a.line - b.line) };
}

function brokenLine(content: string): string {
  const at = locateJsonError(content);
  const where = at === null ? '' : ` at column ${at.column}: ${at.what}`;
  return `The line is not valid JSON${where}. Correct it, or remove the line.`;
}

/** Tells a file that is one JSON object over several lines from one that is broken throughout. */
function oneObject(text: string): string {
  const at = locateJsonError(text);
  if (at === null) {
    return ': it is one object over several lines. Put the rows into one array ([ … ]), or one object on each line.';
  }
  return ` (line 1 onwards; read as one text it breaks at line ${at.line}, column ${at.column}: ${at.what}).`;
}

function sorted(values: readonly { line: number; value: unknown }[]): Rows {
  const rows: Row[] = [];
  const bad: BadRow[] = [];
  for (const { line, value } of values) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      rows.push({ line, value: value as Record<string, unknown> });
    } else {
      const kind = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;
      bad.push({ line, reason: `The row is ${kind}, not an object with fields. Correct it, or remove it.` });
    }
  }
  return { rows, bad };
}
