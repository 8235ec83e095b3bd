import { openDataset } from '../src/data/open';
import type { Sequence } from '../src/model/batch';
import { openModelFolder, type LoadedModel } from '../src/model/folder';
import type { Prompt } from '../src/model/generate';
import { promptOf, targetOf } from '../src/tasks/prompt';
import { encodeProblem, encodePrompt } from '../src/text/prompt';
import type { BenchContext } from './suite';

/** Bundled models, and the bundled problems each was made for. */
export const LEVELS = { nano: 'easy', mini: 'standard' } as const;
export type BundledId = keyof typeof LEVELS;

const FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'model.safetensors',
];

/** A bundled model with a batch of its problems, as sequences to train on and as prompts. */
export interface BenchModel {
  model: LoadedModel;
  sequences: Sequence[];
  prompts: Prompt[];
}

/** The bundled models that were asked for; all of them when nothing was. */
export function bundledIds({ models }: Pick<BenchContext, 'models'>): BundledId[] {
  const ids = Object.keys(LEVELS) as BundledId[];
  return models.length ? ids.filter((id) => models.includes(id)) : ids;
}

/** Opens a bundled model and its first `batch` problems. */
export async function openBundled(
  read: BenchContext['read'],
  id: BundledId,
  batch: number,
): Promise<BenchModel> {
  const files = await Promise.all(
    FILES.map(async (name) => [name, await read(`models/${id}/${name}`)] as const),
  );
  const model = await openModelFolder(id, Object.fromEntries(files));
  const file = `problems/${LEVELS[id]}/train.jsonl`;
  const { problems } = await openDataset(file, await read(file));
  const chosen = problems.slice(0, batch);
  return {
    model,
    sequences: chosen.map((p) => encodeProblem(model.tokenizer, promptOf(p), targetOf(p) ?? '')),
    prompts: chosen.map((p, i) => ({ id: i, tokens: encodePrompt(model.tokenizer, promptOf(p)) })),
  };
}
