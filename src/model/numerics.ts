import type * as Ort from 'onnxruntime-web';
import type { Sequence } from './batch';
import { openOnnxSession, whileDeviceLives, type OnnxRuntime } from './onnx_session';
import { writeOnnx } from './onnx_writer';
import type { Policy } from './policy';
import { memorySource } from './tensor_source';

/** The lab's forward pass beside onnxruntime-web's, on the same weights, prompts and GPU. */
export interface ForwardCheck {
  ok: boolean;
  prompts: number;
  /** Positions at which all logits were compared. */
  positions: number;
  /** max |Δlogit|, Infinity where something is no number, and the largest |logit| it is measured by. */
  max_delta_logit: number;
  max_logit: number;
  /** Largest KL(lab ‖ onnxruntime) of the next token at a position, in nats. */
  max_kl: number;
  /** max |Δ log-prob| of the tokens that the lab generated: its decoding step and cache of keys and values. */
  max_delta_logp: number;
  milliseconds: number;
}

/**
 * Both sides compute in f32, in different orders: 30 layers of that stay below 1e-4 of the largest logit; what is wrong
 * is off by a hundred times as much.
 */
const SHARE_OF_LOGITS = 1e-3;
const MOST_KL = 1e-5;
/** Tokens generated after each prompt. */
const NEW_TOKENS = 8;

/** Room that a policy needs for `compareForward`: sequences, and tokens of each, which fit the smallest chunk of logits. */
export const FORWARD_CHECK_ROOM = { sequences: 4, context: 64 } as const;

/**
 * Continues each prompt greedily, then computes the logits at every position twice: by the lab's kernels and by
 * onnxruntime-web on the model's own ONNX export. Errors: `bad_input` over 2 GiB, `unsupported` with onnxruntime's words.
 */
export async function compareForward(
  policy: Policy,
  ort: OnnxRuntime,
  prompts: readonly (readonly number[])[],
): Promise<ForwardCheck> {
  const started = performance.now();
  const longest = Math.max(1, policy.capacity.context - NEW_TOKENS);
  const cut = prompts.slice(0, FORWARD_CHECK_ROOM.sequences).map((tokens) => tokens.slice(0, longest));
  const completions = await policy.generate(
    cut.map((tokens, id) => ({ tokens, id })),
    { temperature: 0, top_k: 0, top_p: 1, max_new_tokens: NEW_TOKENS, seed: 0, eos: [] },
  );
  const sequences = cut.map((tokens, i) => ({
    tokens: [...tokens, ...(completions[i]?.tokens ?? [])],
    promptLength: tokens.length,
  }));
  const session = await openSession(policy, ort);
  const gap = new Gap(policy.config.vocab_size);
  try {
    for (const [i, sequence] of sequences.entries()) {
      const [ours] = await policy.logits([sequence]);
      const theirs = await logitsOf(policy, ort, session, sequence);
      gap.addLogits(ours ?? new Float32Array(), theirs);
      gap.addGenerated(completions[i]?.logprobs ?? [], sequence, theirs);
    }
  } finally {
    await session.release();
  }
  const { maxDelta, maxLogit, maxKl, maxDeltaLogp } = gap;
  const bound = SHARE_OF_LOGITS * Math.max(1, maxLogit);
  return {
    ok: maxDelta <= bound && maxDeltaLogp <= bound && maxKl <= MOST_KL,
    prompts: sequences.length,
    positions: gap.positions,
    max_delta_logit: maxDelta,
    max_logit: maxLogit,
    max_kl: maxKl,
    max_delta_logp: maxDeltaLogp,
    milliseconds: performance.now() - started,
  };
}

async function openSession(policy: Policy, ort: OnnxRuntime): Promise<Ort.InferenceSession> {
  const weights = await policy.save();
  const model = writeOnnx(policy.config, memorySource(weights), {
    logits: 'all',
    maxPositions: FORWARD_CHECK_ROOM.context,
  });
  return openOnnxSession(policy.gpu, ort, await model.bytes(), 'The forward pass cannot be compared here.');
}

/** (T,V) logits of one sequence by onnxruntime-web. */
async function logitsOf(
  { gpu }: Policy,
  { Tensor }: OnnxRuntime,
  session: Ort.InferenceSession,
  { tokens }: Sequence,
): Promise<Float32Array> {
  const T = tokens.length;
  const int64 = (values: readonly number[]): Ort.Tensor =>
    new Tensor('int64', BigInt64Array.from(values, BigInt), [1, T]);
  const feeds = {
    input_ids: int64(Array.from(tokens)),
    position_ids: int64(Array.from(tokens, (_, t) => t)),
  };
  const { logits } = await whileDeviceLives(gpu, session.run(feeds));
  return (await logits?.getData()) as Float32Array;
}

/** The largest differences so far. What is no number counts as infinitely far off. */
class Gap {
  positions = 0;
  maxDelta = 0;
  maxLogit = 0;
  maxKl = 0;
  maxDeltaLogp = 0;

  constructor(private readonly V: number) {}

  /** Both (T,V). */
  addLogits(ours: Float32Array, theirs: Float32Array): void {
    const { V } = this;
    const T = theirs.length / V;
    for (let i = 0; i < theirs.length; i++) {
      this.maxDelta = worse(this.maxDelta, Math.abs((ours[i] ?? Number.NaN) - (theirs[i] ?? Number.NaN)));
      this.maxLogit = Math.max(this.maxLogit, Math.abs(theirs[i] ?? 0));
    }
    for (let t = 0; t < T; t++) {
      const [from, to] = [t * V, (t + 1) * V];
      this.maxKl = worse(this.maxKl, divergence(ours.subarray(from, to), theirs.subarray(from, to)));
    }
    this.positions += T;
  }

  /** Log-probs that the lab's decoding gave its tokens, against `theirs` (T,V). */
  addGenerated(logprobs: readonly number[], { tokens, promptLength }: Sequence, theirs: Float32Array): void {
    const { V } = this;
    logprobs.forEach((logp, i) => {
      const row = theirs.subarray((promptLength + i - 1) * V, (promptLength + i) * V);
      const expected = (row[tokens[promptLength + i] ?? 0] ?? Number.NaN) - logSumExp(row);
      this.maxDeltaLogp = worse(this.maxDeltaLogp, Math.abs(logp - expected));
    });
  }
}

/** The larger; NaN is infinitely large. */
const worse = (a: number, b: number): number => Math.max(a, Number.isNaN(b) ? Infinity : b);

function logSumExp(logits: Float32Array): number {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  return most + Math.log(logits.reduce((sum, z) => sum + Math.exp(z - most), 0));
}

/** KL(softmax(a) ‖ softmax(b)) in nats. */
function divergence(a: Float32Array, b: Float32Array): number {
  const [zA, zB] = [logSumExp(a), logSumExp(b)];
  return a.reduce((sum, x, i) => {
    const logp = x - zA;
    return sum + Math.exp(logp) * (logp - ((b[i] ?? Number.NaN) - zB));
  }, 0);
}
