import { LabError } from '../errors';
import { openDataset } from '../data/open';
import type { Dataset } from '../data/dataset';
import { parseModelConfig } from '../model/config';
import { openModelFolder, type LoadedModel } from '../model/folder';
import { parameterCount } from '../model/parameters';
import type { BundledModel, BundledProblems } from './protocol';

const MODELS = [
  {
    id: 'nano',
    label: 'nano',
    level: 'easy',
    help: 'For software adapters, phones and a quick look; made for the easy problems.',
  },
  { id: 'mini', label: 'mini', level: 'standard', help: 'For GPUs; made for the standard problems.' },
];
const MODEL_FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'model.safetensors',
];

/** What comes with the lab: base models and word problems, fetched from beside the page when asked for. */
export class Bundled {
  constructor(private readonly base: URL) {}

  async models(): Promise<BundledModel[]> {
    const found = await Promise.all(
      MODELS.map(async ({ id, label, help }) => {
        try {
          const config = parseModelConfig(
            JSON.parse(new TextDecoder().decode(await this.fetch(`models/${id}/config.json`))),
          );
          return [{ id, label, help, parameters: parameterCount(config) }];
        } catch {
          return [];
        }
      }),
    );
    return found.flat();
  }

  async problems(): Promise<BundledProblems[]> {
    const index = JSON.parse(new TextDecoder().decode(await this.fetch('problems/index.json'))) as {
      levels: { level: string; title: string; about: string }[];
    };
    return index.levels.map(({ level, title, about }) => ({ id: level, label: title, help: about }));
  }

  /** Which problems a bundled model was made for. */
  levelOf(model: string): string {
    return MODELS.find(({ id }) => id === model)?.level ?? 'easy';
  }

  async model(id: string): Promise<LoadedModel> {
    const files = await Promise.all(
      MODEL_FILES.map(async (name) => [name, await this.fetch(`models/${id}/${name}`)] as const),
    );
    return openModelFolder(id, Object.fromEntries(files));
  }

  /** A file of bundled problems: its name and bytes. */
  async problemFile(level: string, split: string): Promise<[name: string, bytes: Uint8Array]> {
    return [`${level}/${split}.jsonl`, await this.fetch(`problems/${level}/${split}.jsonl`)];
  }

  async dataset(level: string, split: string): Promise<Dataset> {
    return openDataset(...(await this.problemFile(level, split)));
  }

  /** Errors: `bad_input` naming the file when it cannot be fetched. */
  private async fetch(path: string): Promise<Uint8Array> {
    const url = new URL(path, this.base);
    let status = 'no connection';
    try {
      const response = await fetch(url);
      if (response.ok) return new Uint8Array(await response.arrayBuffer());
      status = `status ${response.status}`;
    } catch {
      // No connection: said below.
    }
    throw new LabError(
      'bad_input',
      `${url.pathname} could not be loaded (${status}). Reload the page; what is saved is kept.`,
    );
  }
}
