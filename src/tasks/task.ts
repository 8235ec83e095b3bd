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
