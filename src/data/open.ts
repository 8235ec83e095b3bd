/** Opening what a person drops: bytes to problems, with every row that cannot be used and why. */
import { LabError } from '../errors';
import type { Problem, TaskId } from '../tasks/task';
import type { BadRow, Dataset } from './dataset';
import { detectFormat } from './detect';
import { readRows, SUPPORTED } from './rows';

/** Larger files are refused before they are read: sixteen times GSM8K's training set still fits. */
export const MAX_DATASET_BYTES = 64 * 2 ** 20;

export interface OpenOptions {
  /** Leaves GSM8K's `<<48/2=24>>` in the chains of thought. */
  keep_annotations?: boolean;
}

/**
 * What the lab makes of a file.
 * @param name the file's name, for messages
 * Errors: `bad_input`, with what, where and what now, for a file that is too large, empty, no text, broken as a whole,
 * or in no format the lab knows. Single bad rows are listed in `bad` and left out.
 */
export async function openDataset(
  name: string,
  bytes: Uint8Array,
  options: OpenOptions = {},
): Promise<Dataset> {
  const { rows, bad } = readRows(name, textOf(name, bytes));
  const { format, parse } = detectFormat(name, rows);
  const problems: Problem[] = [];
  const seen = new Map<string, number>();
  for (const { line, value } of rows) {
    const parsed = parse(value, line, { keepAnnotations: options.keep_annotations === true });
    if ('reason' in parsed) {
      bad.push({ line, reason: parsed.reason });
      continue;
    }
    const { problem } = parsed;
    const earlier = seen.get(problem.id);
    if (earlier !== undefined) {
      bad.push({ line, reason: duplicate(problem.id, earlier) });
      continue;
    }
    seen.set(problem.id, line);
    problems.push(problem);
  }
  return {
    name,
    format,
    task: commonTask(problems, format),
    rows: problems.length + bad.length,
    problems,
    bad: bad.sort((a: BadRow, b: BadRow) => a.line - b.line),
    hasCot: problems.some((problem) => problem.cot !== undefined),
    hash: await sha256(bytes),
  };
}

/** Why a file of so many bytes is not read, or null when it is; to be asked before its bytes are read. */
export function refuseSize(name: string, size: number): LabError | null {
  if (size <= MAX_DATASET_BYTES) return null;
  return new LabError(
    'bad_input',
    `${name} has ${mebibytes(size)} MiB, and the lab reads data files of up to ${mebibytes(MAX_DATASET_BYTES)} MiB. Keep the first rows of it in a smaller file, or split it.`,
  );
}

/** Why SFT cannot train on this file alone, or null when it can. */
export function refuseWithoutCot(dataset: Dataset): LabError | null {
  if (dataset.problems.length === 0) return refuseEmpty(dataset);
  if (dataset.hasCot) return null;
  return new LabError(
    'bad_input',
    `${dataset.name} has questions and answers but no chain of thought, so SFT has no reasoning to learn from. Use it to evaluate, or for ReFT from a model that is already warmed up (warmup_epochs=0), or train on a file with answer_cot or GSM8K steps.`,
  );
}

/** Why nothing can be done with this file, or null when it has a usable row. */
export function refuseEmpty(dataset: Dataset): LabError | null {
  if (dataset.problems.length > 0) return null;
  const first = dataset.bad[0];
  const example = first === undefined ? '' : ` The first: line ${first.line}. ${first.reason}`;
  return new LabError(
    'bad_input',
    `${dataset.name} has no usable row: all ${dataset.rows} have a fault.${example}`,
  );
}

const MAGIC: readonly { bytes: readonly number[]; kind: string }[] = [
  { bytes: [0x50, 0x41, 0x52, 0x31], kind: 'a Parquet file' },
  { bytes: [0x50, 0x4b, 0x03, 0x04], kind: 'a zip archive' },
  { bytes: [0x1f, 0x8b], kind: 'a gzip file' },
  { bytes: [0xff, 0xfe], kind: 'text in UTF-16' },
  { bytes: [0xfe, 0xff], kind: 'text in UTF-16' },
];

/** A file's bytes as text. Errors: `bad_input` when they are too many, none, or no UTF-8 text. */
function textOf(name: string, bytes: Uint8Array): string {
  const tooLarge = refuseSize(name, bytes.length);
  if (tooLarge !== null) throw tooLarge;
  const known = MAGIC.find(({ bytes: magic }) => magic.every((value, at) => bytes[at] === value));
  if (known !== undefined) {
    throw new LabError(
      'bad_input',
      `${name} is ${known.kind}, not JSON in UTF-8. Unpack or convert it first. ${SUPPORTED}`,
    );
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new LabError(
      'bad_input',
      `${name} is no text in UTF-8 (${firstInvalid(bytes)}). Save it as UTF-8, or pick another file. ${SUPPORTED}`,
      { cause },
    );
  }
  if (text.trim() === '') {
    throw new LabError('bad_input', `${name} is empty. Pick a file with problems in it. ${SUPPORTED}`);
  }
  if (text.includes('\u0000')) {
    throw new LabError(
      'bad_input',
      `${name} is no text: it holds zero bytes. Pick another file. ${SUPPORTED}`,
    );
  }
  return text;
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(bytes % 2 ** 20 === 0 ? 0 : 1);
}

/** In which line the first byte stands that is no UTF-8. */
function firstInvalid(bytes: Uint8Array): string {
  const lenient = new TextDecoder('utf-8').decode(bytes);
  const at = lenient.indexOf('\ufffd');
  return `first in line ${lenient.slice(0, at).split('\n').length}`;
}

function duplicate(id: string, earlier: number): string {
  return `The id ${JSON.stringify(id)} was already used in row ${earlier}. Give each row its own id, or remove one of them.`;
}

/** The task most problems have; a file of ReFT's may mix them. */
function commonTask(problems: readonly Problem[], format: Dataset['format']): TaskId {
  const counts = new Map<TaskId, number>();
  for (const { task } of problems) counts.set(task, (counts.get(task) ?? 0) + 1);
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  return most?.[0] ?? (format === 'reft' ? 'gsm8k' : format);
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
