/** Which format rows are in, by the names of their fields. */
import { LabError } from '../errors';
import { parseGsm8k } from '../tasks/gsm8k';
import { parseMathqa } from '../tasks/mathqa';
import { parseReft } from '../tasks/reft';
import { parseSvamp } from '../tasks/svamp';
import type { Parsed } from '../tasks/task';
import type { DatasetFormat } from './dataset';
import { SUPPORTED, type Row } from './rows';

export interface ParseOptions {
  keepAnnotations: boolean;
}

/** How each format is known and read; a new format is one line here. The first that fits a row wins. */
export const FORMATS: readonly {
  format: DatasetFormat;
  fits: (row: Record<string, unknown>) => boolean;
  parse: (row: Record<string, unknown>, line: number, options: ParseOptions) => Parsed;
}[] = [
  { format: 'reft', fits: (row) => 'item_id' in row || 'answer_value' in row, parse: parseReft },
  { format: 'mathqa', fits: (row) => 'Problem' in row, parse: parseMathqa },
  { format: 'svamp', fits: (row) => 'Body' in row, parse: parseSvamp },
  {
    format: 'gsm8k',
    fits: (row) => 'question' in row,
    parse: (row, line, options) => parseGsm8k(row, line, options.keepAnnotations),
  },
];

/** Formats people have, that the lab knows by sight but does not read: they do not say what the answer is. */
const KNOWN_BUT_NOT_READ: readonly { name: string; fields: readonly string[] }[] = [
  { name: 'a prompt/completion file', fields: ['prompt', 'completion'] },
  { name: 'a chat file ("messages")', fields: ['messages'] },
  { name: 'a chat file ("conversations")', fields: ['conversations'] },
  { name: 'an Alpaca file', fields: ['instruction', 'output'] },
];

/** Rows looked at before deciding. */
const LOOKED_AT = 200;

/** The format that most of the first rows fit. Errors: `bad_input` when none fits any of them. */
export function detectFormat(name: string, rows: readonly Row[]): (typeof FORMATS)[number] {
  const votes = new Map<(typeof FORMATS)[number], number>();
  for (const { value } of rows.slice(0, LOOKED_AT)) {
    const fitting = FORMATS.find((candidate) => candidate.fits(value));
    if (fitting !== undefined) votes.set(fitting, (votes.get(fitting) ?? 0) + 1);
  }
  const [winner] = [...votes].sort((a, b) => b[1] - a[1]);
  if (winner !== undefined) return winner[0];
  throw new LabError('bad_input', `${name} ${whatElse(rows[0]?.value ?? {})} ${SUPPORTED}`);
}

/** What an unknown file is, as the end of a sentence that began with its name. */
function whatElse(row: Record<string, unknown>): string {
  const known = KNOWN_BUT_NOT_READ.find(({ fields }) => fields.every((field) => field in row));
  if (known !== undefined) {
    return `looks like ${known.name}, which does not say which part is the answer to check. Bring the rows into one of the lab's formats.`;
  }
  const fields = Object.keys(row);
  if (fields.length === 0) return 'holds no object with fields.';
  const shown = fields.slice(0, 8).map((field) => JSON.stringify(field.slice(0, 40)));
  return `has rows with the fields ${shown.join(', ')}${fields.length > shown.length ? ' …' : ''}, which is no format the lab knows.`;
}
