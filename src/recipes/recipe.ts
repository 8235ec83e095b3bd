import type { GradeOptions, Grade, Problem } from '../tasks/task';
import type { StartCounters } from './counters';
import type { Policy } from '../model/policy';
import type { ReferencePolicy } from '../model/reference';
import type { Tokenizer } from '../text/tokenizer';
import type {
  AuditRecord,
  CompletionRecord,
  Config,
  EvaluationRecord,
  RunEventRecord,
  SettingValue,
} from '../runs/run';

/** One setting: drawn as a control, accepted by `--set`, recorded with the run. Plain data. */
export interface Field {
  /** The field's own name in the literature: learning_rate, kl_coef … */
  name: string;
  label: string;
  group:
    | 'Schedule'
    | 'Optimizer'
    | 'LoRA'
    | 'PPO'
    | 'Generation'
    | 'Reward'
    | 'Data'
    | 'Evaluation'
    | 'Memory'
    | 'Run';
  kind: 'integer' | 'number' | 'boolean' | 'choice' | 'text';
  default: SettingValue;
  min?: number;
  max?: number;
  choices?: readonly string[];
  /** One line for people. */
  help: string;
  /** Where name and default come from. */
  source: string;
}

export interface Preset {
  id: string;
  label: string;
  /** Where its figures come from. */
  source: string;
  values: Config;
}

/** A metric a recipe logs: key in metrics.csv, and its formula on the recipe's page. */
export interface MetricSpec {
  key: string;
  label: string;
  unit: string;
  help: string;
}

/** What a page or a command line can know of a recipe without the engine. */
export interface RecipeInfo {
  id: string;
  label: string;
  paper: string;
  help: string;
  fields: readonly Field[];
  presets: readonly Preset[];
  metrics: readonly MetricSpec[];
}

/**
 * Where a recipe says what happens. Awaiting a call means that it was taken: it is on disk (or in OPFS) a little later, so
 * that the GPU does not wait for files.
 */
export interface RunLog {
  /** `total` is the number of steps of the whole run once it is known. */
  progress(step: number, total: number, phase: string): void;
  metrics(step: number, values: Record<string, number>): Promise<void>;
  completions(rows: CompletionRecord[]): Promise<void>;
  /** Resolves to whether this is the best validation accuracy so far; `candidate` false is never the best. */
  evaluation(record: EvaluationRecord, candidate: boolean): Promise<boolean>;
  event(record: RunEventRecord): Promise<void>;
  audit(rows: AuditRecord[]): Promise<void>;
  /**
   * Saves the policy as it stands under checkpoints/<name>/; once it resolves the policy may change. `keep` false replaces
   * the last unkept one.
   */
  checkpoint(name: string, options: { keep: boolean }): Promise<void>;
  /** Called once, before PPO starts: KL of π_ref against the policy on real sequences. */
  klAtStart(kl: number): Promise<void>;
}

export interface RunContext {
  policy: Policy;
  tokenizer: Tokenizer;
  /** Makes π_ref out of the policy as it stands: a frozen copy, or the lab's ONNX export on onnxruntime-web. */
  makeReference: (kind: string) => Promise<ReferencePolicy>;
  train: readonly Problem[];
  validation: readonly Problem[];
  /** A separate evaluation set, graded once at the end; never used to choose a checkpoint. */
  test: readonly Problem[];
  grade: (
    items: readonly { problem: Problem; completion: string }[],
    options: GradeOptions,
  ) => Promise<Grade[]>;
  config: Config;
  /** What an earlier run had counted when this one starts from its checkpoint. */
  start: StartCounters | undefined;
  log: RunLog;
  /**
   * Throws when the run was stopped; waits while it is paused; `settle` first finishes what is under way. Called between
   * micro-steps.
   */
  checkpointPause: (settle?: () => Promise<void>) => Promise<void>;
  audit: boolean;
}

export interface Recipe extends RecipeInfo {
  run: (context: RunContext) => Promise<void>;
}
