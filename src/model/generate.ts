import { LabError } from '../errors';
import type { Tensor, View } from '../gpu/arena';
import type { Gpu } from '../gpu/device';
import type { Plan } from '../gpu/plan';
import type { Stream } from '../gpu/stream';
import { attentionTiles } from '../kernels/attention';
import { FINISH } from '../kernels/sampler';
import type { Capacity, GenerationState } from './activations';
import { packTokens } from './batch';
import type { Buffers } from './buffers';
import type { ModelConfig } from './config';
import { Decoder, type DecoderDims } from './decoder';
import { Schedule, STEPS, type Admission, type Burst } from './generate_schedule';

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
  /** The tokens of a completion that goes on, after every look: for a person who reads along. What it throws ends all. */
  onTokens?: (tokens: readonly number[], index: number) => void;
}

/**
 * Where a step is slow, rows that end early idle for long until they are noticed: bursts are cut to about so many
 * milliseconds then, though not below so many steps. Completions do not depend on it.
 */
const [BURST_MS, FEWEST_STEPS] = [40, 4];

/** A submitted burst, and what its rows will have become. */
interface Flight {
  burst: Burst;
  submitted: number;
  results: Promise<{ state: Uint32Array; history: Uint32Array }>;
}

/**
 * Continuous batching: rows of sequences decode together, 16 steps a submit, token choice and end detection on the GPU.
 * The next steps are queued before the last ones are read, so the GPU never waits for the CPU; a finished row makes room
 * for a waiting prompt, or for the last row. A prompt is prefilled once for all its completions.
 */
export class Generator {
  private readonly capacity: Capacity;
  private readonly stream: Stream;
  private readonly buffers: Buffers;
  private readonly state: GenerationState;
  private readonly decoder: Decoder;
  /** Milliseconds a decoding step last took. */
  private pace = 0;

  constructor(
    gpu: Gpu,
    config: ModelConfig,
    capacity: Capacity,
    stream: Stream,
    buffers: Buffers,
    state: GenerationState,
  ) {
    this.capacity = capacity;
    this.stream = stream;
    this.buffers = buffers;
    this.state = state;
    this.decoder = new Decoder(gpu, config, capacity, buffers, state);
  }

  /**
   * One completion a prompt, in the order given. Errors: `bad_input` for a prompt that leaves no room in the context or
   * more than two EOS ids.
   */
  async generate(
    prompts: readonly Prompt[],
    sampling: Sampling,
    { onProgress, onFinished, onTokens }: GenerationEvents = {},
  ): Promise<Completion[]> {
    if (sampling.eos.length > 2) {
      throw new LabError(
        'bad_input',
        `The model ends completions with ${sampling.eos.length} tokens; the lab takes two.`,
      );
    }
    prompts.forEach(({ tokens }) => this.checkPrompt(tokens.length));
    const { context } = this.capacity;
    const max_new_tokens = Math.max(1, sampling.max_new_tokens);
    const Hmax = Math.min(context, max_new_tokens);
    const dims: DecoderDims = { N: 0, tiles: 0, longest: 0, Hmax, sampling };
    const schedule = new Schedule(prompts, { ...this.capacity, max_new_tokens });
    const completions: Completion[] = [];
    let finished = 0;
    let flight: Flight | undefined;
    let arrival = 0;
    while (finished < prompts.length) {
      for (let next = schedule.admit(); next; next = schedule.admit()) this.start(next, dims);
      this.move(schedule.compact(), dims);
      const burst = schedule.burst(this.steps(sampling, onTokens !== undefined));
      const ahead = burst && this.decode(burst, dims);
      if (flight) {
        const { state, history } = await flight.results;
        const now = performance.now();
        this.pace = (now - Math.max(flight.submitted, arrival)) / flight.burst.steps;
        arrival = now;
        flight.burst.owners.forEach((owner, row) => {
          const [count = 0, , finish = FINISH.running] = state.subarray(row * 4 + 1, row * 4 + 4);
          if (completions[owner] || (finish === FINISH.running && !onTokens)) return;
          const completion = harvest(history.subarray(row * Hmax * 2), count, finish);
          if (finish === FINISH.running) return onTokens?.(completion.tokens, owner);
          schedule.release(owner);
          completions[owner] = completion;
          finished += 1;
          onFinished?.(completion, owner);
        });
        await onProgress?.(finished);
      }
      flight = ahead;
    }
    return completions;
  }

  /** Bytes of its plans' uniforms. */
  get bytes(): number {
    return this.decoder.bytes;
  }

  allocate(): void {
    this.decoder.allocate();
  }

  destroy(): void {
    this.decoder.destroy();
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

  /** Queues what an admission needs: keys and values of its prompts, then the state of its rows. */
  private start({ prefills, copies, rows }: Admission, dims: DecoderDims): void {
    if (prefills.length) this.prefill(prefills, dims);
    if (copies.length) {
      const flat = copies.flatMap(({ from, to, length }) => [from, to, length, 0]);
      this.stream.upload(this.state.copies, Uint32Array.from(flat));
      const longest = Math.max(...copies.map(({ length }) => length));
      this.submit(this.decoder.copy, { ...dims, N: copies.length, longest });
    }
    // Neighbouring rows go up together.
    for (let first = 0; first < rows.length;) {
      let end = first + 1;
      while (rows[end]?.row === (rows[end - 1]?.row ?? 0) + 1) end += 1;
      this.seat(rows.slice(first, end));
      first = end;
    }
  }

  /** Writes keys and values of every prompt token but the last, which is the first decoding step's input. */
  private prefill(group: Admission['prefills'], dims: DecoderDims): void {
    const batch = packTokens(group.map(({ tokens }) => tokens));
    const { inputs } = this.buffers;
    const { tiles, count } = attentionTiles(batch.seqStart);
    const slots = new Uint32Array(batch.tokens.length);
    group.forEach(({ slot }, b) => slots.fill(slot, batch.seqStart[b], batch.seqStart[b + 1]));
    this.stream.upload(inputs.tokens, batch.tokens);
    this.stream.upload(inputs.positions, batch.positions);
    this.stream.upload(inputs.tiles, tiles);
    this.stream.upload(inputs.slots, slots);
    this.submit(this.decoder.prefill, { ...dims, N: batch.tokens.length, tiles: count });
  }

  /** State of rows that lie side by side. */
  private seat(rows: Admission['rows']): void {
    const first = rows[0]?.row ?? 0;
    const put = (tensor: Tensor, values: (row: Admission['rows'][number]) => number[]): void => {
      const data = Uint32Array.from(rows.flatMap(values));
      const offset = (first * tensor.bytes) / (tensor.shape[0] ?? 1);
      this.stream.upload({ buffer: tensor.buffer, offset, bytes: data.byteLength }, data);
    };
    put(this.state.tokens, ({ prompt }) => [prompt.tokens.at(-1) ?? 0]);
    put(this.state.positions, ({ prompt }) => [prompt.tokens.length - 1]);
    put(this.state.slots, ({ slot }) => [slot]);
    put(this.state.state, ({ prompt, limit }) => [prompt.id, 0, limit, FINISH.running]);
  }

  private move(moves: { from: number; to: number }[], dims: DecoderDims): void {
    if (!moves.length) return;
    this.stream.upload(this.state.moves, Uint32Array.from(moves.flatMap(({ from, to }) => [from, to])));
    this.submit(this.decoder.move, { ...dims, N: moves.length });
  }

  /** Queues the steps of a burst and the readback of its rows. */
  private decode(burst: Burst, dims: DecoderDims): Flight {
    const { top_k, top_p } = dims.sampling;
    const plan = top_k > 0 || top_p < 1 ? this.decoder.decodeFiltered : this.decoder.decode;
    const { state, history } = this.state;
    const rows = burst.owners.length;
    plan.prepare({ ...dims, N: rows });
    const part = ({ buffer }: Tensor, width: number): View => ({
      buffer,
      offset: 0,
      bytes: 4 * rows * width,
    });
    const results = this.stream
      .read(
        'generate',
        (pass) => {
          for (let step = 0; step < burst.steps; step++) plan.encode(pass);
        },
        [part(state, 4), part(history, 2 * dims.Hmax)],
      )
      .then(([state, history]) => ({
        state: new Uint32Array(state ?? new ArrayBuffer(0)),
        history: new Uint32Array(history ?? new ArrayBuffer(0)),
      }));
    // Nobody may come to wait for it: a caller that stops, or completions that all ended before it.
    results.catch(() => undefined);
    return { burst, submitted: performance.now(), results };
  }

  /** Steps of the next burst. Rows that end at their limit alone are known beforehand; a reader does not wait for many. */
  private steps({ eos }: Sampling, isRead: boolean): number {
    if (isRead && this.pace === 0) return FEWEST_STEPS;
    if (!isRead && (!eos.length || this.pace === 0)) return STEPS;
    return Math.min(STEPS, Math.max(FEWEST_STEPS, Math.round(BURST_MS / this.pace)));
  }

  private submit(plan: Plan<DecoderDims>, dims: DecoderDims): void {
    plan.prepare(dims);
    this.stream.submit((pass) => plan.encode(pass));
  }
}

/** The completion in the first `count` pairs of a row's history. */
function harvest(history: Uint32Array, count: number, finish: number): Completion {
  const logps = new Float32Array(history.buffer, history.byteOffset, 2 * count);
  const at = Array.from({ length: count }, (_, i) => 2 * i);
  return {
    tokens: at.map((i) => history[i] ?? 0),
    logprobs: at.map((i) => logps[i + 1] ?? 0),
    finish: finish === FINISH.eos ? 'eos' : 'length',
  };
}
