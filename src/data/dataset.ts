import type { Problem, TaskId } from '../tasks/task';

/** Formats the lab reads; what a dropped file is taken for. */
export type DatasetFormat = 'gsm8k' | 'svamp' | 'reft' | 'mathqa';

/** A row that cannot be used, by line (jsonl) or by row of the array (json), from 1. */
export interface BadRow {
  line: number;
  reason: string;
}

/** What the lab makes of a file. */
export interface Dataset {
  /** The file's name. */
  name: string;
  format: DatasetFormat;
  task: TaskId;
  /** Rows in the file, bad ones included. */
  rows: number;
  problems: Problem[];
  bad: BadRow[];
  /** Whether any problem has a chain of thought, so that SFT can train on it. */
  hasCot: boolean;
  /** SHA-256 of the file's bytes, hex. */
  hash: string;
}
