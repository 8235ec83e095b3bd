/** The rules all tasks with a number for an answer share: GSM8K, SVAMP, MathQA-numeric (reft.md's table). */
import { ANSWER_TRIGGER } from './prompt';
import { goldNumber, readNumber, sameNumber } from './numbers';
import type { GradeOptions, Task } from './task';

/** Text after the last trigger sentence, or null when there is none. */
export function afterTrigger(completion: string): string | null {
  const at = completion.lastIndexOf(ANSWER_TRIGGER);
  return at < 0 ? null : completion.slice(at + ANSWER_TRIGGER.length);
}

/** 0.1 for an answer that can be read but is wrong (ReFT, section 4). */
export const PARTIAL_REWARD = 0.1;

/** 1 correct, 0.1 read but wrong (0 without partial reward), 0 nothing read. */
export function numericReward(extracted: string | null, correct: boolean, options: GradeOptions): number {
  if (correct) return 1;
  return extracted !== null && options.partial_reward ? PARTIAL_REWARD : 0;
}

/** A task whose answer is a number: after the last trigger as a float, equal within 0.01. */
export const numericRules: Omit<Task, 'id' | 'label'> = {
  gold: goldNumber,
  goldIs: 'a number',
  extract: (completion, extraction) => {
    const text = afterTrigger(completion);
    return text === null ? null : readNumber(text, extraction);
  },
  // A program's value is a float or nothing, whatever the extraction (reft.md).
  extractReturned: (returned) => readNumber(returned, 'strict'),
  isCorrect: sameNumber,
  reward: numericReward,
};
