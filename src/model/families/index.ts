import type { Family } from './family';
import { gemma2 } from './gemma2';
import { gemma3 } from './gemma3';
import { gpt2 } from './gpt2';
import { gptNeox } from './gpt_neox';
import { llama } from './llama';
import { mistral } from './mistral';
import { opt } from './opt';
import { qwen2 } from './qwen2';
import { qwen3 } from './qwen3';

/** Every family the lab knows. Another one is a file beside these and its name here: docs/adding-a-model.md. */
export const FAMILIES: readonly Family[] = [llama, mistral, qwen2, qwen3, gpt2, gptNeox, gemma2, gemma3, opt];

/** By `architectures` or `model_type` of config.json. */
export const findFamily = (name: string): Family | undefined =>
  FAMILIES.find(({ architecture, model_type }) => name === architecture || name === model_type);

/** The family of a config that was read. */
export function familyOf({ architecture }: { architecture: string }): Family {
  const family = findFamily(architecture);
  if (!family) throw new Error(`no family has the architecture ${architecture}`);
  return family;
}
