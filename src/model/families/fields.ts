import { LabError } from '../../errors';
import type { Activation } from '../../kernels/activation';
import type { RopeScaling } from '../../kernels/rope';
import type { RopeConfig } from './family';

/** Hugging Face's names of the activations; gelu is the exact one (erf). */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  silu: 'silu',
  swish: 'silu',
  gelu: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_fast: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  relu: 'relu',
};

/** Where RoPE's theta stands, what it is where it is left out, and what part of a head turns. */
interface RopeDefaults {
  name?: string;
  theta?: number;
  fraction?: number;
}

/** config.json, field by field. Errors: `bad_input` naming the field. */
export class ConfigFields {
  constructor(private readonly raw: Readonly<Record<string, unknown>>) {}

  has(name: string): boolean {
    return this.raw[name] !== undefined && this.raw[name] !== null;
  }

  /** A positive number; `fallback` where the file has none. */
  number(name: string, fallback?: number): number {
    const value = this.raw[name] ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
      throw new LabError(
        'bad_input',
        `config.json: ${name} is missing or not a positive number (${JSON.stringify(value)}).`,
      );
    }
    return value;
  }

  /** A number that switches something off by being absent or null: 0 then. */
  optional(name: string): number {
    return this.has(name) ? this.number(name) : 0;
  }

  flag(name: string, fallback: boolean): boolean {
    return this.has(name) ? this.raw[name] === true : fallback;
  }

  list(name: string): unknown[] | undefined {
    const value = this.raw[name];
    return Array.isArray(value) ? value : undefined;
  }

  record(name: string): ConfigFields | undefined {
    const value = this.raw[name];
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? new ConfigFields(value as Record<string, unknown>)
      : undefined;
  }

  activation(name: string, fallback: string): Activation {
    const given = this.raw[name] ?? fallback;
    return (
      (typeof given === 'string' ? ACTIVATIONS[given] : undefined) ??
      this.refuse(`the activation ${JSON.stringify(given)}`)
    );
  }

  /** Ids that end a text: a number or a list of them. */
  get eos(): number[] {
    return [this.raw.eos_token_id].flat().filter((id): id is number => typeof id === 'number');
  }

  /** Of `architectures` the first, or `model_type`. */
  get architecture(): string {
    return String(this.list('architectures')?.[0] ?? this.raw.model_type);
  }

  /**
   * Rotary positions of heads of `head_dim`. transformers 5 nests them in `rope_parameters`, earlier versions keep theta
   * at the top and the rest in `rope_scaling`.
   */
  rope(head_dim: number, defaults: RopeDefaults = {}): RopeConfig {
    return this.ropeFrom(this.record('rope_parameters') ?? this.record('rope_scaling'), head_dim, defaults);
  }

  /** The same, with what is nested given. */
  ropeFrom(
    nested: ConfigFields | undefined,
    head_dim: number,
    { name = 'rope_theta', theta = 10_000, fraction = 1 }: RopeDefaults = {},
  ): RopeConfig {
    const turned = nested?.has('partial_rotary_factor') ? nested.number('partial_rotary_factor') : fraction;
    return {
      theta: nested?.has('rope_theta') ? nested.number('rope_theta') : this.number(name, theta),
      rotary_dim: Math.floor(head_dim * turned),
      scaling: this.scaling(nested),
    };
  }

  /** How many last positions the queries of each layer see: `layer_types` says it, or, where there is none, `isLocal`. */
  windows(isLocal: (layer: number) => boolean): number[] {
    const types = this.list('layer_types');
    return Array.from({ length: this.number('num_hidden_layers') }, (_, layer) =>
      (types ? types[layer] === 'sliding_attention' : isLocal(layer)) ? this.number('sliding_window') : 0,
    );
  }

  refuse(what: string): never {
    throw new LabError('bad_input', `config.json asks for ${what}, which the lab does not compute yet.`);
  }

  private scaling(rope: ConfigFields | undefined): RopeScaling | undefined {
    const rope_type = rope?.raw.rope_type ?? rope?.raw.type ?? 'default';
    if (!rope || rope_type === 'default') return undefined;
    if (rope_type !== 'linear' && rope_type !== 'llama3' && rope_type !== 'yarn') {
      return this.refuse(`RoPE scaling ${JSON.stringify(rope_type)}`);
    }
    const factor = rope.number('factor');
    if (rope_type === 'linear') return { rope_type, factor };
    if (rope_type === 'llama3') {
      return {
        rope_type,
        factor,
        low_freq_factor: rope.number('low_freq_factor'),
        high_freq_factor: rope.number('high_freq_factor'),
        original_max_position_embeddings: rope.number('original_max_position_embeddings'),
      };
    }
    const before = this.has('max_position_embeddings') ? this.number('max_position_embeddings') : undefined;
    const named = ['beta_fast', 'beta_slow', 'attention_factor'].filter((name) => rope.has(name));
    return {
      rope_type,
      factor,
      original_max_position_embeddings: rope.number('original_max_position_embeddings', before),
      ...Object.fromEntries(named.map((name) => [name, rope.number(name)])),
    };
  }
}
