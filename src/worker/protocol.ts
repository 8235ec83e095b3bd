/**
 * What page and engine say to each other: types only. Every run event carries its run id; every reply carries the id of
 * the request it answers. Bulk data is transferred; metrics are batched (at most ten messages a second).
 */
import type { ErrorCode } from '../errors';
import type { AdapterFacts } from '../gpu/device';
import type { KernelCheck } from '../kernels/check_kernels';
import type { Numerics } from '../recipes/check_numerics';
import type { ExportFormat } from '../recipes/export_model';
import type { RecipeInfo } from '../recipes/recipe';
import type { PromptAnswer, PromptProgress, PromptRequest } from '../recipes/try_prompt';
import type { BadRow, DatasetFormat } from '../data/dataset';
import type { Comparison } from '../evaluate/compare';
import type { StoredModel } from '../hub/library';
import type { MemoryNeed } from '../recipes/needs';
import type {
  CompletionRecord,
  Config,
  EvaluationRecord,
  MetricRow,
  RunEventRecord,
  RunRecord,
} from '../runs/run';
import type { RunProgress } from '../runs/run_recorder';

// What the page may know of recipes, files and adapters: it imports these types from here.
export type { ErrorCode } from '../errors';
export type { AdapterFacts } from '../gpu/device';
export type { Numerics } from '../recipes/check_numerics';
export type { ExportFormat } from '../recipes/export_model';
export type { Field, MetricSpec, Preset, RecipeInfo } from '../recipes/recipe';
export type { PromptAnswer, PromptRequest } from '../recipes/try_prompt';
export type { BadRow, DatasetFormat } from '../data/dataset';
export type { Comparison } from '../evaluate/compare';
export type { StoredModel } from '../hub/library';
export type { MemoryNeed } from '../recipes/needs';

export interface BundledModel {
  id: string;
  label: string;
  parameters: number;
  help: string;
}

export interface BundledProblems {
  id: string;
  label: string;
  help: string;
}

/** The engine's catalogue as plain data: the form is drawn, and useful, even where there is no WebGPU. */
export interface Catalogue {
  recipes: RecipeInfo[];
  models: BundledModel[];
  problems: BundledProblems[];
  version: string;
}

export interface Capability {
  adapter: AdapterFacts | null;
  /** The one-second check of each kernel family against its reference. */
  check: KernelCheck | null;
  /** Why nothing can be trained here, in a sentence. */
  refusal: string | null;
}

/** One row of the preview: exactly the text and tokens the model will see. */
export interface PreviewRow {
  line: number;
  id: string;
  question: string;
  prompt: string;
  /** Empty where the file has no chain of thought. */
  target: string;
  answer: string;
  /** Token strings of prompt then target, and how many belong to the prompt; empty until a model is open. */
  tokens: string[];
  promptLength: number;
}

export interface DatasetSummary {
  /** Names the open dataset in later commands. */
  handle: string;
  name: string;
  format: DatasetFormat;
  task: string;
  rows: number;
  usable: number;
  hasCot: boolean;
  bad: BadRow[];
  preview: PreviewRow[];
  /** Longest prompt and longest prompt + target, in tokens; null until a model is open. */
  lengths: { prompt: number; total: number } | null;
}

/** A repository of the Hub as a person wrote it, `@revision` included. */
export interface HubRequest {
  repository: string;
  /** Another server that speaks the Hub's paths; null is the Hub itself. */
  server: string | null;
  /** An access token for gated and private models; it is kept nowhere. */
  token: string | null;
  /** Which of its ONNX graphs; null leaves it to the lab, and is all there is for models with weights. */
  file: string | null;
}

/** What a repository holds and takes, before it is downloaded. */
export interface ModelLookup {
  id: string;
  /** The revision asked for, and the commit it stands for now. */
  asked: string;
  revision: string;
  /** Names its download in later commands. */
  folder: string;
  gated: boolean;
  /** What would be downloaded; all there is when it cannot be used. */
  files: { path: string; size: number }[];
  bytes: number;
  /** Bytes of it that are here already. */
  present: number;
  architecture: string | null;
  parameters: number | null;
  /** Bytes on the GPU by use; empty where there is no GPU to ask. */
  needs: MemoryNeed[];
  /** Bytes this browser still has for it; null where it does not say. */
  room: number | null;
  /** The ONNX graphs to choose from, with their bytes, and the one that is meant; none for a model with weights. */
  variants: { file: string; bytes: number }[];
  file: string | null;
  /** Why it can be asked and not trained; null for a model that can be. */
  untrainable: string | null;
  /** Why the lab cannot use it, in a sentence. */
  refusal: string | null;
}

export interface ModelSummary {
  handle: string;
  name: string;
  architecture: string;
  parameters: number;
  hidden_size: number;
  layers: number;
  context: number;
  vocabulary: number;
  bytes: number;
  /** The Hub repository it came from, at which commit. */
  origin: { id: string; revision: string; file?: string } | null;
  /** Whether it has a chat template. */
  chat: boolean;
  /** Why it can be asked and not trained; null for a model that can be. */
  untrainable: string | null;
}

/** Who is asked: an open model, or the final model of a run. */
export type Respondent = { kind: 'model'; model: string } | { kind: 'run'; run: string };

/** Where a run starts: the model's own weights, or a checkpoint of an earlier run. */
export type RunInit = { kind: 'model' } | { kind: 'checkpoint'; run: string; checkpoint: string };

export interface StartRun {
  recipe: string;
  preset: string;
  config: Config;
  model: string;
  dataset: string;
  evalDataset: string | null;
  init: RunInit;
  name: string | null;
}

export interface Estimate {
  bytes: Record<string, number>;
  totalBytes: number;
  fits: boolean;
  /** A sentence when it does not fit. */
  reason: string | null;
}

/** Which problems one run answered right, by problem id, each problem once. */
export type Outcomes = { name: string; correct: [problem: string, correct: boolean][] };

export type FileData = { name: string; bytes: ArrayBuffer };
/** A file that stays on its disk and is read by ranges. */
export type FileRef = { name: string; file: Blob };

/** What was in a .zip. */
export type ZipContents = { kind: 'run'; record: RunRecord } | { kind: 'model'; model: ModelSummary };

export type Command =
  | { type: 'catalogue'; request: number }
  | { type: 'capability'; request: number }
  | { type: 'open_dataset'; request: number; file: FileData }
  | { type: 'open_bundled_dataset'; request: number; id: string; split: 'train' | 'validation' | 'test' }
  | { type: 'preview_dataset'; request: number; handle: string; model: string | null; chat: boolean }
  | { type: 'open_bundled_model'; request: number; id: string }
  | { type: 'open_model_folder'; request: number; name: string; files: FileRef[] }
  /** An exported run, or a model. */
  | { type: 'open_zip'; request: number; name: string; file: Blob }
  | { type: 'look_up_model'; request: number; hub: HubRequest }
  /** Goes on with what is here; `repository` names a commit. Ends with null when it is paused. */
  | { type: 'download_model'; request: number; hub: HubRequest }
  | { type: 'pause_download'; request: number; folder: string }
  | { type: 'list_models'; request: number }
  | { type: 'open_stored_model'; request: number; folder: string }
  | { type: 'delete_model'; request: number; folder: string }
  /** Whether this GPU computes right: every kernel, and this model on prompts of this dataset. */
  | { type: 'check_numerics'; request: number; model: string; dataset: string | null }
  /** A prompt of a person's own; `ask` names it. Its answer is told as it grows, and ended early by `stop_prompt`. */
  | { type: 'try_prompt'; request: number; ask: string; respondent: Respondent; prompt: PromptRequest }
  | { type: 'stop_prompt'; request: number; ask: string }
  | { type: 'estimate'; request: number; run: StartRun }
  | { type: 'start'; request: number; run: StartRun }
  /** SFT, then ReFT from its warm-up checkpoint, on the bundled model and problems. */
  | { type: 'demo'; request: number; model: string | null; overrides: Config }
  | { type: 'pause'; request: number; run: string }
  | { type: 'resume'; request: number; run: string }
  | { type: 'stop'; request: number; run: string }
  | { type: 'list_runs'; request: number }
  | { type: 'load_run'; request: number; run: string }
  | { type: 'rename_run'; request: number; run: string; name: string }
  | { type: 'delete_run'; request: number; run: string }
  | { type: 'export_run'; request: number; run: string }
  /** The final model of a run, with its card, as one .zip. */
  | { type: 'export_model'; request: number; run: string; format: ExportFormat }
  | { type: 'import_run'; request: number; file: FileData }
  /** A paired test of `b` against `a`; pure arithmetic, so recorded runs can be compared too. */
  | { type: 'compare'; request: number; a: Outcomes; b: Outcomes };

/** What each command answers with. */
export interface Replies {
  catalogue: Catalogue;
  capability: Capability;
  open_dataset: DatasetSummary;
  open_bundled_dataset: DatasetSummary;
  preview_dataset: DatasetSummary;
  open_bundled_model: ModelSummary;
  open_model_folder: ModelSummary;
  open_zip: ZipContents;
  look_up_model: ModelLookup;
  download_model: StoredModel | null;
  pause_download: null;
  list_models: StoredModel[];
  open_stored_model: ModelSummary;
  delete_model: null;
  check_numerics: Numerics;
  try_prompt: PromptAnswer;
  stop_prompt: null;
  estimate: Estimate;
  start: { run: string };
  demo: { runs: string[] };
  pause: null;
  resume: null;
  stop: null;
  list_runs: RunRecord[];
  load_run: { record: RunRecord; metrics: MetricRow[]; completions: CompletionRecord[] };
  rename_run: RunRecord;
  delete_run: null;
  export_run: FileData;
  export_model: { name: string; blob: Blob };
  import_run: RunRecord;
  compare: Comparison;
}

export type Event =
  | { type: 'reply'; request: number; command: Command['type']; value: Replies[Command['type']] }
  | { type: 'error'; request: number; code: ErrorCode; message: string }
  /** Something failed that no command waits for: the second half of a demo, say. */
  | { type: 'trouble'; code: ErrorCode; message: string }
  /** How far a download is, in bytes of all its files. */
  | { type: 'model_download'; folder: string; file: string; done: number; total: number }
  /** What has been answered so far. */
  | ({ type: 'prompt_progress'; ask: string } & PromptProgress)
  /** A run began; sent again when its record knows more (paused, going on, KL at step 0). */
  | { type: 'run_created'; run: string; record: RunRecord }
  | ({ type: 'run_status'; run: string } & RunProgress)
  | { type: 'run_metrics'; run: string; rows: MetricRow[] }
  | { type: 'run_completions'; run: string; rows: CompletionRecord[] }
  | { type: 'run_evaluation'; run: string; evaluation: EvaluationRecord }
  | { type: 'run_event'; run: string; event: RunEventRecord }
  | { type: 'run_finished'; run: string; record: RunRecord };
