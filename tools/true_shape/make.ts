/**
 * Writes a Hugging Face folder of SmolLM2-135M's true shape with random weights, as that model is published (bfloat16, one
 * file): what a model of its size asks of a GPU does not depend on its values.
 *
 *   npx tsx tools/true_shape/make.ts DIR [LAYERS]
 *
 * Source of the shape: HuggingFaceTB/SmolLM2-135M, config.json. The tokenizer is the bundled nano model's, with the rest of
 * the vocabulary as tokens that no text contains.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  vocab_size: 49_152,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-5,
  rope_theta: 100_000,
  hidden_act: 'silu',
  attention_bias: false,
  tie_word_embeddings: true,
  initializer_range: 0.041666666666666664,
  bos_token_id: 0,
  eos_token_id: 0,
};

type Shape = readonly [rows: number, columns?: number];

/** Names and shapes of the tensors, in the file's order. */
function tensorShapes(layers: number): Map<string, Shape> {
  const { hidden_size: C, intermediate_size: F, vocab_size: V } = CONFIG;
  const keyWidth = (C / CONFIG.num_attention_heads) * CONFIG.num_key_value_heads;
  const shapes = new Map<string, Shape>([['model.embed_tokens.weight', [V, C]]]);
  for (let l = 0; l < layers; l++) {
    const own: Record<string, Shape> = {
      'input_layernorm.weight': [C],
      'self_attn.q_proj.weight': [C, C],
      'self_attn.k_proj.weight': [keyWidth, C],
      'self_attn.v_proj.weight': [keyWidth, C],
      'self_attn.o_proj.weight': [C, C],
      'post_attention_layernorm.weight': [C],
      'mlp.gate_proj.weight': [F, C],
      'mlp.up_proj.weight': [F, C],
      'mlp.down_proj.weight': [C, F],
    };
    for (const [name, shape] of Object.entries(own)) shapes.set(`model.layers.${l}.${name}`, shape);
  }
  return shapes.set('model.norm.weight', [C]);
}

const sizeOf = ([rows, columns = 1]: Shape): number => rows * columns;
const BYTES = 2;
const ONE = 0x3f80;

/** Numbers of nearly normal distribution as bfloat16 (truncated), from a 32-bit linear congruential generator. */
function randomHalves(count: number, seed: number, scale: number): Uint16Array {
  const out = new Uint16Array(count);
  const value = new Float32Array(1);
  const bits = new Uint32Array(value.buffer);
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  for (let i = 0; i < count; i++) {
    // Variance of four uniform numbers: 4/12.
    value[0] = scale * Math.sqrt(3) * (uniform() + uniform() + uniform() + uniform());
    out[i] = (bits[0] ?? 0) >>> 16;
  }
  return out;
}

/** Writes the folder, with so many of its 30 layers. */
export function makeTrueShape(folder: string, layers = CONFIG.num_hidden_layers): void {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, json: unknown): void =>
    writeFileSync(join(folder, name), JSON.stringify(json, null, 2));
  write('config.json', { ...CONFIG, num_hidden_layers: layers, torch_dtype: 'bfloat16' });
  writeTokenizer(write);

  const shapes = tensorShapes(layers);
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const [name, shape] of shapes) {
    const begin = end;
    end += BYTES * sizeOf(shape);
    header[name] = { dtype: 'BF16', shape: shape.filter(Boolean), data_offsets: [begin, end] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const head = Buffer.alloc(8 + padded, ' ');
  head.writeBigUInt64LE(BigInt(padded));
  json.copy(head, 8);
  const file = openSync(join(folder, 'model.safetensors'), 'w');
  try {
    writeSync(file, head);
    let seed = 1;
    for (const [name, shape] of shapes) {
      const count = sizeOf(shape);
      const isNorm = name.endsWith('norm.weight');
      const halves = isNorm
        ? new Uint16Array(count).fill(ONE)
        : randomHalves(count, seed++, CONFIG.initializer_range);
      writeSync(file, new Uint8Array(halves.buffer));
    }
  } finally {
    closeSync(file);
  }
}

interface TokenizerJson {
  model: { vocab: Record<string, number> };
}

/** The bundled tokenizer, its vocabulary filled up to the model's. */
function writeTokenizer(write: (name: string, json: unknown) => void): void {
  const bundled = join(import.meta.dirname, '../../public/models/nano');
  const read = (name: string): unknown => JSON.parse(readFileSync(join(bundled, name), 'utf8'));
  const tokenizer = read('tokenizer.json') as TokenizerJson;
  const { vocab } = tokenizer.model;
  for (let id = Object.keys(vocab).length; id < CONFIG.vocab_size; id++) vocab[`unused${id}`] = id;
  write('tokenizer.json', tokenizer);
  write('tokenizer_config.json', read('tokenizer_config.json'));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [folder, layers] = process.argv.slice(2);
  if (!folder) throw new Error('usage: npx tsx tools/true_shape/make.ts DIR [LAYERS]');
  makeTrueShape(folder, layers ? Number(layers) : undefined);
}
