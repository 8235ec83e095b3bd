/**
 * What a task is: how a problem becomes a prompt and a target, how an answer is read out of a completion, compared and
 * rewarded. Pure functions of text; nothing here knows of models, tokens or files.
 */
export type TaskId = 'gsm8k' | 'svamp' | 'mathqa' | 'mathqa-numeric';

/** One question with its gold answer, whatever file it came from. */
export interface Problem {
  /** Unique in its file, e.g. "gsm8k_12"; rows without an id get one from the format and row number. */
  id: string;
  task: TaskId;
  question: string;
  /** Chain of thought without the final answer sentence; absent where the file has none (SVAMP.json, test sets). */
  cot?: string;
  /** Gold answer as text, as `isCorrect` reads it: "72", "3.5", "b". */
  answer: string;
  /** A program CoT: the target is Python, `def solution():`, and the answer is what it returns. */
  program?: boolean;
  /** Where it stands in its file: line (jsonl) or row of the array (json), from 1. */
  line?: number;
}

/** A row of a file as a problem, or the reason why it is none, in a sentence. */
export type Parsed = { problem: Problem } | { reason: string };

/**
 * The rules of one task. Prompt and target are the same for all tasks (prompt.ts); what differs is how an answer is
 * read, compared and rewarded.
 */
export interface Task {
  id: TaskId;
  label: string;
  /** The gold answer of a file as `isCorrect` reads it, or null when it is none. */
  gold(answer: unknown): string | null;
  /** What a gold answer must be, for the sentence about one that is not: "a number". */
  goldIs: string;
  /** The answer in a natural-language completion, or null. */
  extract(completion: string, extraction: Extraction): string | null;
  /** The answer in what a program returned (already text), or null. */
  extractReturned(returned: string): string | null;
  isCorrect(extracted: string, answer: string): boolean;
  /** Reward of a completion; `extracted` null when no answer could be read. */
  reward(extracted: string | null, correct: boolean, options: GradeOptions): number;
}

/** How numbers are read out of N-CoT: as the reference does, or also "1,000", "$5" and "72." */
export type Extraction = 'strict' | 'lenient';

export interface GradeOptions {
  extraction: Extraction;
  /** 0.1 for an answer that can be read but is wrong (ReFT, section 4); false is the paper's ablation. */
  partial_reward: boolean;
}

/** A graded completion. `extracted` is null when no answer could be read. */
export interface Grade {
  extracted: string | null;
  correct: boolean;
  /** 1, 0.1 or 0. */
  reward: number;
}

/** Runs Python programs of P-CoT: a program's returned value as text, or null for any failure or after 10 s. */
export interface ProgramRunner {
  run(programs: readonly string[]): Promise<(string | null)[]>;
}
