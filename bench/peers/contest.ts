import type { BenchContext } from '../suite';
import type { OnnxRuntime } from '../../src/model/onnx_session';

/** Who takes part, and in what: figures are named `work/contestant`. */
export const ENTRIES = {
  train_step: ['ours', 'jax-js', 'tfjs'],
  train_step_1m: ['ours', 'jax-js'],
  forward: ['ours', 'onnxruntime-web'],
  generate_b1: ['ours', 'onnxruntime-web', 'transformers.js'],
  generate_b32: ['ours', 'onnxruntime-web', 'transformers.js'],
} as const;
export type WorkId = keyof typeof ENTRIES;
export type ContestantId = (typeof ENTRIES)[WorkId][number];

/** The bundled model of the forward pass and of generation, the pass's rows and their tokens, new tokens a prompt. */
export const MODEL = 'nano';
export const FORWARD = { batch: 32, length: 64 } as const;
export const NEW_TOKENS = 48;

/** One contestant ready for one work, on a device of its own. */
export interface Trial {
  /** What the work came to, for comparison with the others': losses, log-probs or tokens. */
  readonly answer: readonly number[];
  /** Does the work once more and waits until it is done. */
  run(): Promise<void>;
}

/** What differs between Node and a browser. */
export interface Platform {
  readonly gpu: GPU;
  /** Reads a file of public/. */
  readonly read: BenchContext['read'];
  /** onnxruntime-web's WebGPU build, which will compute on `device`. */
  onnxRuntime(device: GPUDevice): Promise<OnnxRuntime>;
  /** Puts files of a Hugging Face folder where transformers.js finds them. */
  modelFolder(files: Readonly<Record<string, Uint8Array>>): Promise<ModelFolder>;
}

export interface ModelFolder {
  localModelPath: string;
  name: string;
  /** Reads the folder where there is no disk. */
  fetch?: (url: string) => Promise<Response>;
}

export type Contestant = (work: WorkId, platform: Platform) => Promise<Trial>;

/** What one trial reports, as JSON. */
export interface Outcome {
  /** Milliseconds of every timed run. */
  milliseconds: number[];
  answer: number[];
  /** As `adapterName` has it, seen from the process or page that ran the trial. */
  adapter: string;
}

/** A trial runs untimed this long, once at least: JavaScript is compiled while it runs. */
const WARM_UP_MS = 2_000;
/** Timed runs of a trial: short ones go on until they have had `LONG_MS`. */
const RUNS = 7;
const MOST_RUNS = 101;
const LONG_MS = 3_000;
/** One that is slow ends with fewer once it has had `ENOUGH_MS`. */
const FEWER_RUNS = 5;
const ENOUGH_MS = 10_000;
/** Runs of a trial of which one alone takes longer than `ENOUGH_MS`. */
const FEWEST_RUNS = 3;

/**
 * Milliseconds of every timed run: 7, or as many as 3 s hold; 5 when they take over 10 s together, 3 when one takes over
 * 10 s. Runs before them, of 2 s together, are not counted.
 */
export async function timeTrial(trial: Pick<Trial, 'run'>, now = () => performance.now()): Promise<number[]> {
  const timed = async (): Promise<number> => {
    const started = now();
    await trial.run();
    return now() - started;
  };
  for (let spent = 0; spent < WARM_UP_MS;) spent += await timed();
  const milliseconds: number[] = [];
  const isEnough = (): boolean => {
    const spent = milliseconds.reduce((a, b) => a + b, 0);
    const slow = Math.max(...milliseconds) > ENOUGH_MS ? FEWEST_RUNS : FEWER_RUNS;
    if (spent > ENOUGH_MS) return milliseconds.length >= slow;
    return milliseconds.length >= MOST_RUNS || (milliseconds.length >= RUNS && spent > LONG_MS);
  };
  while (!isEnough()) milliseconds.push(await timed());
  return milliseconds;
}
