/**
 * A run as data: the same on disk (CLI), in the browser's private file system and in an exported .zip.
 *
 *   run.json           RunRecord
 *   metrics.csv        step,timestamp,<metric>…   one row a step; empty where a metric has no value at that step
 *   completions.jsonl  CompletionRecord a line
 *   audit.jsonl        AuditRecord a line (ReFT with --audit)
 *   checkpoints/<step>/  model.safetensors (with LoRA adapter/), value_head.safetensors, optimizer.safetensors, state.json
 *   model/             the final (best by validation) model as a Hugging Face folder, an adapter merged into it
 *   adapter/           with LoRA, its adapter as PEFT's folder
 */
export type RunStatus = 'loading' | 'running' | 'paused' | 'done' | 'stopped' | 'failed';
export type SettingValue = number | boolean | string;
export type Config = Record<string, SettingValue>;

export interface RunRecord {
  format: 1;
  id: string;
  /** A name one can say, unique among a person's runs: "ReFT 2", "amber-otter". */
  name: string;
  recipe: string;
  preset: string;
  config: Config;
  seed: number;
  status: RunStatus;
  /** ISO 8601. */
  created: string;
  finished?: string;
  step: number;
  total_steps: number;
  model: {
    name: string;
    hash: string;
    architecture: string;
    parameters: number;
    /** The Hub repository the weights came from, and its commit. */
    origin?: { id: string; revision: string; file?: string };
  };
  /** Set when the run started from another run's checkpoint instead of the model's own weights. */
  init_from?: { run: string; checkpoint: string };
  dataset: {
    name: string;
    hash: string;
    format: string;
    task: string;
    train: number;
    validation: number;
  };
  eval_dataset?: { name: string; hash: string; problems: number };
  adapter: string;
  versions: Record<string, string>;
  /** Best checkpoint by validation accuracy. */
  best?: EvaluationRecord;
  /** Last evaluation on validation, and the final one on the evaluation file where one was given. */
  validation?: EvaluationRecord;
  test?: EvaluationRecord;
  events: RunEventRecord[];
  /** Largest |log p| difference and KL of π_ref against the policy at step 0 (ReFT). */
  kl_at_start?: number;
  /** Where time went so far, seconds by phase: generate, score, train, evaluate, and waiting while the GPU had nothing to do. */
  seconds: Record<string, number>;
  /** Seconds in which completions were being graded, beside the phases. */
  grade_seconds?: number;
  /** Which configuration of the matmul ran for each class of shapes: the table pinned on the device. */
  choices?: Record<string, string>;
  /** The last numerics check before it, on the same adapter. */
  numerics?: NumericsRecord;
  error?: { code: string; message: string };
}

/** Whether a GPU computed right, when that was last asked. */
export interface NumericsRecord {
  /** ISO 8601. */
  checked: string;
  adapter: string;
  /** Name of the model whose forward pass was compared. */
  model: string;
  ok: boolean;
  /** Against onnxruntime-web; null where that was not compared, or where it is no number. */
  max_delta_logit: number | null;
  max_kl: number | null;
  /** Kernel cases that agreed with their reference, of so many. */
  kernels_passed: number;
  kernels: number;
  /** The same for people. */
  verdict: string;
}

export interface EvaluationRecord {
  step: number;
  split: 'validation' | 'test';
  n: number;
  correct: number;
  accuracy: number;
  /** 95 % Wilson interval. */
  low: number;
  high: number;
}

export interface RunEventRecord {
  step: number;
  kind: 'warmup_end' | 'evaluation' | 'best' | 'checkpoint' | 'alarm' | 'note';
  text: string;
}

/** One step's metrics; keys follow style.md (TRL's names). `timestamp` is seconds since the epoch. */
export interface MetricRow {
  step: number;
  timestamp: number;
  values: Record<string, number>;
}

export interface CompletionRecord {
  step: number;
  split: 'train' | 'validation' | 'test';
  problem: string;
  question: string;
  completion: string;
  answer: string;
  extracted: string | null;
  correct: boolean;
  reward: number;
  /** Completion tokens, EOS included. */
  length: number;
  finish: 'eos' | 'length';
}

export interface AuditRecord {
  step: number;
  problem: string;
  tokens: number[];
  mask: number[];
  logp_old: number[];
  logp_ref: number[];
  value_old: number[];
  reward: number[];
  advantage: number[];
  return: number[];
  score: number;
  policy_loss: number[];
  value_loss: number[];
}

/** A file read by ranges, so that a large one never stands in memory. */
export interface StoredFile {
  readonly size: number;
  /** Bytes from `begin` up to `end`. Errors: `bad_input` when the file cannot be read any more. */
  read(begin: number, end: number): Promise<Uint8Array>;
}

/** What a file is to hold: bytes, or what makes them piece by piece while they are written. */
export type FileContent = Uint8Array | (() => Iterable<Uint8Array> | AsyncIterable<Uint8Array>);

/** The files of one run, wherever they lie. Paths are relative, with forward slashes. */
export interface RunFolder {
  write(path: string, content: FileContent): Promise<void>;
  append(path: string, text: string): Promise<void>;
  /** Errors: `bad_input` when there is no such file. */
  read(path: string): Promise<Uint8Array>;
  /** The same to be read by ranges. */
  open(path: string): Promise<StoredFile>;
  exists(path: string): Promise<boolean>;
  /** Every file, sorted. */
  list(): Promise<string[]>;
  /** Removes a file or a folder with all in it. */
  remove(path: string): Promise<void>;
  /** Moves a folder or file: how a checkpoint is written whole or not at all. */
  rename(from: string, to: string): Promise<void>;
}
