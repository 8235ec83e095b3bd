/** The work with a bundled model: one forward pass over 32 × 64 tokens, and greedy completions of 48 tokens. */
import type { LoadedModel } from '../../src/model/folder';
import { openBundled } from '../model';
import { FORWARD, MODEL, type Platform, type WorkId } from './contest';

const PROBLEMS = 400;

export interface LanguageWork {
  model: LoadedModel;
  /** 32 rows of 64 tokens: the bundled problems one after another. */
  rows: number[][];
  /** 32 prompts of one length, so that nobody computes padding. */
  prompts: number[][];
}

/** Opens the bundled model and cuts its problems into rows and prompts. */
export async function languageWork({ read }: Pick<Platform, 'read'>): Promise<LanguageWork> {
  const { model, sequences, prompts } = await openBundled(read, MODEL, PROBLEMS);
  const stream = sequences.flatMap(({ tokens }) => Array.from(tokens));
  const { batch, length } = FORWARD;
  const rows = Array.from({ length: batch }, (_, b) => stream.slice(b * length, (b + 1) * length));
  const byLength = groupBy(
    prompts.map(({ tokens }) => Array.from(tokens)),
    (tokens) => tokens.length,
  );
  const [largest = []] = [...byLength.values()].sort((a, b) => b.length - a.length);
  if (largest.length < batch || stream.length < batch * length)
    throw new Error(`${PROBLEMS} problems hold no ${batch} prompts of one length`);
  return { model, rows, prompts: largest.slice(0, batch) };
}

export const promptsOf = (work: LanguageWork, id: WorkId): number[][] =>
  id === 'generate_b1' ? work.prompts.slice(0, 1) : work.prompts;

/** Position of the largest value of row `row` of (R,V) values. */
export function argmax(values: Float32Array, row: number, V: number): number {
  let best = row * V;
  for (let i = row * V; i < (row + 1) * V; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  return best - row * V;
}

function groupBy<T>(items: readonly T[], key: (item: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}
