import { LabError } from '../errors';
import type { Tensor, View } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import { Plan } from '../gpu/plan';
import type { Stream } from '../gpu/stream';
import { attentionTiles } from '../kernels/attention';
import { addDecodeAttention, addKvAppend } from '../kernels/decode';
import { addMatmul } from '../kernels/matmul';
import { addSample } from '../kernels/sampler';
import { logitsStride, type Capacity, type GenerationState } from './activations';
import { packSequences } from './batch';
import type { Buffers } from './buffers';
import type { ModelConfig } from './config';
import { headsOf, packedAttention } from './layers/attention';
import type { BatchDims, Recorder } from './layers/recorder';
import { transformerForward } from './transformer';

export interface Prompt {
  tokens: readonly number[];
  /** Keys the random draw with seed and position: the same id and seed give the same completion in any batch. */
  id: number;
}

/** transformers' names. temperature 0 is greedy; top_k 0 and top_p 1 are off. */
export interface Sampling {
  temperature: number;
  top_k: number;
  top_p: number;
  max_new_tokens: number;
  seed: number;
  /** Ids that end a completion; at most two. */
  eos: readonly number[];
}

export interface Completion {
  /** Generated ids, EOS included when there is one. */
  tokens: number[];
  /** log softmax of the raw logits (temperature 1, nothing cut off) at each token: what `score` says of it. */
  logprobs: number[];
  finish: 'eos' | 'length';
}

/** What a caller may hear of while completions are made. */
export interface GenerationEvents {
  /** How many completions are done, after every look at the GPU. */
  onProgress?: (finished: number) => void | Promise<void>;
  /** A completion, as soon as it is known, and its prompt's index: others may still be decoding. */
  onFinished?: (completion: Completion, index: number) => void;
}

/** Decoding steps in one submit, between two looks at what has finished. */
const STEPS = 16;
const FREE = 0xffffffff;
const [RUNNING, EOS] = [0, 1];

/**
 * Continuous batching: S slots share one KV cache; prompts are prefilled in packed batches into free slots, then all slots
 * decode together, 16 steps a submit, token choice and end detection on the GPU. A finished slot takes the next prompt.
 */
export class Generator {
  private readonly config: ModelConfig;
  private readonly capacity: Capacity;
  private readonly stream: Stream;
  private readonly buffers: Buffers;
  private readonly state: GenerationState;
  private readonly prefillPlan: Plan<BatchDims>;
  private readonly decodePlan: Plan<BatchDims>;
  /** Of the generation at hand. */
  private sampling: Sampling = { temperature: 0, top_k: 0, top_p: 1, max_new_tokens: 0, seed: 0, eos: [] };

  constructor(
    gpu: Gpu,
    config: ModelConfig,
    capacity: Capacity,
    stream: Stream,
    buffers: Buffers,
    state: GenerationState,
  ) {
    this.config = config;
    this.capacity = capacity;
    this.stream = stream;
    this.buffers = buffers;
    this.state = state;
    this.prefillPlan = new Plan<BatchDims>(gpu, 'prefill');
    this.decodePlan = new Plan<BatchDims>(gpu, 'decode');
    this.recordPrefill({ gpu, plan: this.prefillPlan, config });
    this.recordDecode({ gpu, plan: this.decodePlan, config });
  }

  /**
   * One completion a prompt, in the order given. Errors: `bad_input` for a prompt that leaves no room in the context or
   * more than two EOS ids.
   */
  async generate(
    prompts: readonly Prompt[],
    sampling: Sampling,
    { onProgress, onFinished }: GenerationEvents = {},
  ): Promise<Completion[]> {
    if (sampling.eos.length > 2) {
      throw new LabError(
        'bad_input',
        `The model ends completions with ${sampling.eos.length} tokens; the lab takes two.`,
      );
    }
    prompts.forEach(({ tokens }) => this.checkPrompt(tokens.length));
    this.sampling = sampling;
    const { slots: S } = this.capacity;
    const completions: Completion[] = new Array<Completion>(prompts.length);
    /** Which prompt each slot works on. */
    const owners = new Array<number>(S).fill(-1);
    let next = 0;
    let finished = 0;
    this.stream.upload(this.state.slots, new Uint32Array(S).fill(FREE));
    while (finished < prompts.length) {
      next = this.admit(prompts, next, owners, sampling);
      const used = owners.findLastIndex((owner) => owner >= 0) + 1;
      const { state, history } = await this.decode(used);
      for (let slot = 0; slot < used; slot++) {
        const owner = owners[slot] ?? -1;
        const count = state[slot * 4 + 1] ?? 0;
        const finish = state[slot * 4 + 3] ?? RUNNING;
        if (owner < 0 || finish === RUNNING) continue;
        const completion = this.harvest(history, slot, count, finish === EOS ? 'eos' : 'length');
        completions[owner] = completion;
        owners[slot] = -1;
        finished += 1;
        onFinished?.(completion, owner);
      }
      await onProgress?.(finished);
    }
    return completions;
  }

  destroy(): void {
    this.prefillPlan.destroy();
    this.decodePlan.destroy();
  }

  private checkPrompt(length: number): void {
    const { context, tokens } = this.capacity;
    if (length < 1) throw new LabError('bad_input', 'A prompt is empty; nothing can be generated from it.');
    if (length >= context || length > tokens) {
      throw new LabError(
        'bad_input',
        `A prompt of ${length} tokens leaves no room for an answer in a context of ${context}. ` +
          'Shorten the question, leave it out, or choose a model with a longer context.',
      );
    }
  }

  /** Fills free slots with waiting prompts, as many as one packed prefill holds. Returns the next waiting index. */
  private admit(prompts: readonly Prompt[], from: number, owners: number[], sampling: Sampling): number {
    let next = from;
    while (next < prompts.length && owners.includes(-1)) {
      const group: { slot: number; prompt: Prompt }[] = [];
      let tokens = 0;
      for (let slot = 0; slot < owners.length && next < prompts.length; slot++) {
        const prompt = prompts[next];
        if (owners[slot] !== -1 || !prompt) continue;
        if (group.length === this.capacity.sequences || tokens + prompt.tokens.length > this.capacity.tokens)
          break;
        owners[slot] = next++;
        tokens += prompt.tokens.length;
        group.push({ slot, prompt });
      }
      this.prefill(group);
      for (const { slot, prompt } of group) this.occupy(slot, prompt, sampling);
    }
    return next;
  }

  /** Writes keys and values of every prompt token but the last, which is the first decoding step's input. */
  private prefill(group: readonly { slot: number; prompt: Prompt }[]): void {
    const batch = packSequences(
      group.map(({ prompt }) => ({
        tokens: prompt.tokens.slice(0, -1),
        promptLength: prompt.tokens.length - 1,
      })),
    );
    const { inputs } = this.buffers;
    const { tiles, count } = attentionTiles(batch.seqStart);
    const slots = new Uint32Array(batch.tokens.length);
    group.forEach(({ slot }, b) => slots.fill(slot, batch.seqStart[b], batch.seqStart[b + 1]));
    this.stream.upload(inputs.tokens, batch.tokens);
    this.stream.upload(inputs.positions, batch.positions);
    this.stream.upload(inputs.tiles, tiles);
    this.stream.upload(inputs.slots, slots);
    this.prefillPlan.prepare({ N: batch.tokens.length, M: 0, tiles: count, distinct: 0, coefficients: {} });
    this.stream.submit((pass) => this.prefillPlan.encode(pass));
  }

  private occupy(slot: number, { tokens, id }: Prompt, sampling: Sampling): void {
    const limit = Math.min(sampling.max_new_tokens, this.capacity.context - tokens.length);
    const put = (tensor: Tensor, ...values: number[]): void => {
      const bytes = 4 * values.length;
      this.stream.upload({ buffer: tensor.buffer, offset: slot * bytes, bytes }, Uint32Array.from(values));
    };
    put(this.state.tokens, tokens.at(-1) ?? 0);
    put(this.state.positions, tokens.length - 1);
    put(this.state.slots, slot);
    put(this.state.state, id, 0, limit, RUNNING);
  }

  private async decode(used: number): Promise<{ state: Uint32Array; history: Uint32Array }> {
    this.decodePlan.prepare({ N: used, M: 0, tiles: 0, distinct: 0, coefficients: {} });
    const part = (tensor: Tensor): View => ({
      buffer: tensor.buffer,
      offset: 0,
      bytes: (tensor.bytes / this.capacity.slots) * used,
    });
    const [state, history] = await this.stream.read(
      'generate',
      (pass) => {
        for (let step = 0; step < STEPS; step++) this.decodePlan.encode(pass);
      },
      [part(this.state.state), part(this.state.history)],
    );
    return {
      state: new Uint32Array(state ?? new ArrayBuffer(0)),
      history: new Uint32Array(history ?? new ArrayBuffer(0)),
    };
  }

  private harvest(history: Uint32Array, slot: number, count: number, finish: 'eos' | 'length'): Completion {
    const at = slot * this.capacity.context * 2;
    const logps = new Float32Array(history.buffer);
    const pairs = Array.from({ length: count }, (_, i) => at + 2 * i);
    return {
      tokens: pairs.map((i) => history[i] ?? 0),
      logprobs: pairs.map((i) => logps[i + 1] ?? 0),
      finish,
    };
  }

  private recordPrefill(r: Recorder): void {
    const { activations, weights, inputs } = this.buffers;
    const { slots, positions } = inputs;
    transformerForward(r, weights, activations, inputs.tokens, positions, inputs.rope, (layer, l) => {
      this.recordAppend(r, layer.qkv, slots, positions, l);
      packedAttention(r, layer, inputs.tiles);
    });
  }

  private recordDecode(r: Recorder): void {
    const { activations, weights, inputs, head } = this.buffers;
    const { tokens, positions, slots, state, history, keys, values } = this.state;
    const { hidden_size: C, vocab_size: V } = this.config;
    const { context } = this.capacity;
    const ldv = logitsStride(this.config);
    transformerForward(r, weights, activations, tokens, positions, inputs.rope, (layer, l) => {
      this.recordAppend(r, layer.qkv, slots, positions, l);
      const [k_cache, v_cache] = [keys[l], values[l]];
      if (!k_cache || !v_cache) return;
      const buffers = { qkv: layer.qkv, slots, positions, k_cache, v_cache, out: layer.attended };
      addDecodeAttention(r.plan, buffers, headsOf(r), context, ({ N }) => N);
    });
    addMatmul(r.plan, r.gpu, 'nt', { a: activations.hidden, b: weights.head, out: head.logits }, ({ N }) => ({
      M: N,
      N: V,
      K: C,
      ldc: ldv,
    }));
    const sampled = { logits: head.logits, tokens, positions, slots, state, history };
    addSample(r.plan, sampled, V, ({ N }) => ({ B: N, V, ldv, Hmax: context, ...this.sampling }));
  }

  private recordAppend(r: Recorder, qkv: Tensor, slots: Tensor, positions: Tensor, layer: number): void {
    const [k_cache, v_cache] = [this.state.keys[layer], this.state.values[layer]];
    if (!k_cache || !v_cache) return;
    addKvAppend(
      r.plan,
      { qkv, slots, positions, k_cache, v_cache },
      headsOf(r),
      this.capacity.context,
      ({ N }) => N,
    );
  }
}
