import type { Arrangement } from './arrangement';
import { qkvWidth, type ModelConfig } from './config';
import { familyOf } from './families';

/** A projection of a block: modules of Hugging Face that read the same input, row after row. */
export interface Projection {
  modules: readonly { name: string; rows: number }[];
  out: number;
  inp: number;
  hasBias: boolean;
  /** How a module's weight is stored. Biases are only ever `heads` or `same`. */
  arrangement: Arrangement;
}

export const PROJECTIONS = ['qkv', 'output', 'gateUp', 'down'] as const;
export type ProjectionName = (typeof PROJECTIONS)[number];

/** The projections of layer l. */
export function projectionsOf(config: ModelConfig, l: number): Record<ProjectionName, Projection> {
  const { hidden_size: C, intermediate_size: F, head_dim: HS, bias } = config;
  const { num_attention_heads: NH, num_key_value_heads: NKV } = config;
  const { tensors } = familyOf(config);
  const { qkv, mlp } = tensors;
  const projection = (
    names: readonly string[],
    rows: readonly number[],
    inp: number,
    hasBias: boolean,
    arrangement: Arrangement = tensors.transposed ? 'transposed' : 'same',
  ): Projection => ({
    modules: names.map((name, i) => ({ name: tensors.layer(l) + name, rows: rows[i] ?? 0 })),
    out: rows.reduce((sum, n) => sum + n, 0),
    inp,
    hasBias,
    arrangement,
  });
  return {
    qkv:
      'fused' in qkv
        ? projection([qkv.fused], [qkvWidth(config)], C, bias.qkv, qkv.by === 'head' ? 'heads' : undefined)
        : projection(qkv, [NH * HS, NKV * HS, NKV * HS], C, bias.qkv),
    output: projection([tensors.output], [C], NH * HS, bias.output),
    gateUp: projection(mlp, mlp.length === 1 ? [F] : [F, F], C, bias.mlp),
    down: projection([tensors.down], [C], F, bias.mlp),
  };
}
