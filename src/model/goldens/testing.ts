import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectClose } from '../../kernels/compare';
import { parseModelConfig, type ModelConfig } from '../config';
import { readSafetensors, type NamedTensor } from '../safetensors';
import type { Sequence } from '../batch';

interface Update {
  learning_rate: number;
  weight_decay: number;
  max_grad_norm: number;
  losses: number[];
  grad_norms: number[];
  loss_after: number;
}

export interface Golden {
  config: ModelConfig;
  /** config_resaved.json, where there is one. */
  resaved: ModelConfig | undefined;
  tensors: Map<string, NamedTensor>;
  sequences: Sequence[];
  logp: number[];
  entropy: number[];
  sft: { loss: number; adamw: Update };
  greedy: { max_new_tokens: number; sequences: { prompt: number[]; completion: number[] }[] };
  ppo?: {
    logp_old: number[];
    advantage: number[];
    return: number[];
    value_old: number[];
    weight: number[];
    value: number[];
    cliprange: number;
    cliprange_value: number;
    vf_coef: number;
    policy_loss: number;
    value_loss: number;
    total_loss: number;
    adamw: Update;
  };
  /** `logits`, `sft_gradient.<name>`, `ppo_gradient.<name>`. */
  arrays: Map<string, NamedTensor>;
}

/** Reads one golden folder (README.md beside this file) as the engine's types. For tests. */
export function readGolden(name: string): Golden {
  const file = (path: string): Uint8Array =>
    new Uint8Array(readFileSync(join(import.meta.dirname, name, path)));
  const json = (path: string): unknown => JSON.parse(new TextDecoder().decode(file(path)));
  const golden = json('golden.json') as Omit<
    Golden,
    'config' | 'resaved' | 'tensors' | 'arrays' | 'sequences'
  > & {
    sequences: { prompt: number[]; completion: number[] }[];
  };
  const tensors = readSafetensors(file('model.safetensors'));
  if (golden.ppo) {
    for (const [key, tensor] of readSafetensors(file('value_head.safetensors')))
      tensors.set(`v_head.${key}`, tensor);
  }
  return {
    ...golden,
    config: parseModelConfig(json('config.json')),
    resaved: existsSync(join(import.meta.dirname, name, 'config_resaved.json'))
      ? parseModelConfig(json('config_resaved.json'))
      : undefined,
    tensors,
    sequences: golden.sequences.map(({ prompt, completion }) => ({
      tokens: [...prompt, ...completion],
      promptLength: prompt.length,
    })),
    arrays: readSafetensors(file('golden.safetensors')),
  };
}

/** What the SFT objective is given for every completion token of a golden's batch: its weight, 1 / M. */
export function sftConstants({ sequences, logp }: Pick<Golden, 'sequences' | 'logp'>): Float32Array[] {
  return sequences.map(({ tokens, promptLength }) =>
    Float32Array.from({ length: (tokens.length - promptLength) * 8 }, (_, i) =>
      i % 8 === 0 ? 1 / logp.length : 0,
    ),
  );
}

/** Arrays a sequence, end to end. */
export function flat(parts: readonly Float32Array[]): number[] {
  return parts.flatMap((part) => [...part]);
}

/** Holds gradients to `prefix`'s among the golden's arrays, each by name; none may be missing. */
export function expectGradients(
  gradients: ReadonlyMap<string, NamedTensor>,
  arrays: Golden['arrays'],
  prefix: string,
): void {
  const names = [...arrays.keys()].filter((key) => key.startsWith(prefix));
  if (names.length < 4) throw new Error(`the golden has ${names.length} arrays named ${prefix}…`);
  for (const key of names) {
    const found = gradients.get(key.slice(prefix.length));
    expectClose(key, found?.data ?? [], arrays.get(key)?.data ?? [], { atol: 1e-4, rtol: 1e-3 });
  }
}
