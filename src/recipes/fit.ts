import { LabError } from '../errors';
import { bindable, mib } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { splitRule } from '../kernels/matmul_split';
import { logitsStride, type Capacity } from '../model/activations';
import { Buffers, type BufferOptions } from '../model/buffers';
import type { ModelConfig } from '../model/config';
import { Resources } from '../model/resources';
import { cutsOf } from '../model/shards';

const MICRO_BATCH_TOKENS = 4096;
const MOST_SLOTS = 128;
const LOGITS_BYTES = 32 * 2 ** 20;
/** Rows of a chunk start at multiples of 256 bytes in every buffer. */
const CHUNK_STEP = 64;

/** A model, its longest sequence and its batch: what buffers are wanted for. */
export interface Demand {
  config: ModelConfig;
  /** Tokens of the longest sequence, prompt and completion. */
  context: number;
  /** Sequences of a batch, and of the whole run. */
  batch: number;
  sequences: number;
  options: BufferOptions;
}

/** Buffers that fit, and the exact bytes they take. */
export interface Fitting {
  capacity: Capacity;
  bytes: Record<string, number>;
  totalBytes: number;
}

/** Buffers for sequences of up to `context` tokens in batches of `batch`, where there is room enough. */
export function capacityFor(
  config: ModelConfig,
  context: number,
  batch: number,
  sequences = batch,
): Capacity {
  const tokens = Math.max(context, Math.min(MICRO_BATCH_TOKENS, batch * context));
  const rows = Math.floor(LOGITS_BYTES / (4 * logitsStride(config)));
  return {
    tokens,
    sequences: Math.min(tokens, Math.max(batch, MOST_SLOTS)),
    context,
    slots: Math.min(tokens, MOST_SLOTS, Math.max(batch, sequences)),
    chunk: Math.max(CHUNK_STEP, Math.min(roundUp(tokens), Math.floor(rows / CHUNK_STEP) * CHUNK_STEP)),
  };
}

/**
 * The largest capacity that this GPU can bind and that `budget` bytes hold: tokens of a micro-batch, sequences generated
 * at once and rows of logits are halved, each time what saves most. Batches stay what they are: they are worked off in
 * more pieces. Undefined when even the least of all three is too much.
 */
export function fit(gpu: Gpu, demand: Demand, budget: number): Fitting | undefined {
  const { config, options } = demand;
  let capacity: Capacity | undefined = capacityFor(config, demand.context, demand.batch, demand.sequences);
  const buffersFor = (some: Capacity): Buffers =>
    new Buffers(config, some, options, cutsOf(gpu, config), splitRule(gpu));
  while (capacity) {
    const buffers = buffersFor(capacity);
    // Dispatches are recorded, for the bytes of their uniforms, only where the rest fits.
    if (total(buffers) <= budget && buffers.largest <= bindable(gpu)) {
      const { bytes, totalBytes } = new Resources(gpu, config, capacity, options);
      if (totalBytes <= budget) return { capacity, bytes, totalBytes };
    }
    capacity = smaller(capacity)
      .map((candidate) => ({ candidate, bytes: total(buffersFor(candidate)) }))
      .sort((a, b) => a.bytes - b.bytes)[0]?.candidate;
  }
  return undefined;
}

/** A setting that takes memory away. */
export interface Remedy {
  /** As it would be written. */
  text: string;
  /** The demand that it leads to. */
  change: (demand: Demand) => Demand;
  /** It can be set only with those before it. */
  isDependent?: boolean;
}

/**
 * Errors: `out_of_memory`: what the least of this run needs, what there is, and which of `remedies` would make it fit: each
 * alone, or else the first few of them together.
 */
export function refuse(gpu: Gpu, demand: Demand, budget: number, remedies: readonly Remedy[]): LabError {
  const { config, context, options } = demand;
  const least = new Resources(gpu, config, leastCapacity(context), options);
  const { largest } = least.buffers;
  const limit = bindable(gpu);
  const isUnbindable = largest > limit;
  const needs = isUnbindable
    ? `One buffer of this run needs ${mib(largest)} and this GPU binds at most ${mib(limit)} at once.`
    : `This run needs at least ${mib(least.totalBytes)} on the GPU and ${mib(budget)} are allowed.`;
  const parts = isUnbindable ? '' : ` The least: ${bytesByPurpose(least.bytes)}.`;
  // What helps comes before the parts: a narrow place may show the beginning only.
  return new LabError('out_of_memory', `${needs} ${advice(gpu, demand, budget, remedies)}${parts}`);
}

/** "weights 0.8 MiB, gradients …": what is none is left out. */
export const bytesByPurpose = (bytes: Readonly<Record<string, number>>): string =>
  Object.entries(bytes)
    .filter(([, part]) => part > 0)
    .map(([name, part]) => `${name} ${mib(part)}`)
    .join(', ');

function advice(gpu: Gpu, demand: Demand, budget: number, remedies: readonly Remedy[]): string {
  const fitting = remedies
    .filter(({ isDependent }) => !isDependent)
    .flatMap(({ text, change }) => {
      const found = fit(gpu, change(demand), budget);
      return found ? [`${text} (${mib(found.totalBytes)})`] : [];
    });
  if (fitting.length) return `It fits with ${fitting.join(', or with ')}.`;
  let changed = demand;
  for (const [i, { change }] of remedies.entries()) {
    changed = change(changed);
    const found = i > 0 ? fit(gpu, changed, budget) : undefined;
    if (!found) continue;
    const texts = remedies.slice(0, i + 1).map(({ text }) => text);
    return `It fits with ${texts.join(' and ')} together (${mib(found.totalBytes)}).`;
  }
  return 'No setting makes it fit: choose a smaller model.';
}

const roundUp = (rows: number): number => Math.ceil(rows / CHUNK_STEP) * CHUNK_STEP;

/** One sequence at a time. */
function leastCapacity(context: number): Capacity {
  return { tokens: context, sequences: 1, context, slots: 1, chunk: CHUNK_STEP };
}

/** What a capacity can become by halving one thing. */
function smaller(capacity: Capacity): Capacity[] {
  const { tokens, slots, chunk, context } = capacity;
  const half = (n: number, least: number): number => Math.max(least, Math.floor(n / 2));
  const fewer = half(tokens, context);
  const candidates: Capacity[] = [
    {
      ...capacity,
      tokens: fewer,
      sequences: Math.min(capacity.sequences, fewer),
      slots: Math.min(slots, fewer),
      chunk: Math.min(chunk, roundUp(fewer)),
    },
    { ...capacity, slots: half(slots, 1) },
    { ...capacity, chunk: roundUp(half(chunk, CHUNK_STEP)) },
  ];
  return candidates.filter((other) => other.tokens < tokens || other.slots < slots || other.chunk < chunk);
}

const total = ({ bytes }: Buffers): number => Object.values(bytes).reduce((sum, part) => sum + part, 0);
