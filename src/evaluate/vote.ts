import { parsePythonFloat } from '../tasks/numbers';

/**
 * Majority voting over sampled answers (ReFT, section 5): the most frequent one; the first seen wins ties. Answers that
 * are the same number ("72", "72.0") count as one. Null where nothing was extracted from any sample.
 * @param answers extracted answers, null where none could be read; those have no vote
 */
export function majorityVote(answers: readonly (string | null)[]): string | null {
  const votes = new Map<string, { answer: string; count: number }>();
  for (const answer of answers) {
    if (answer === null) continue;
    const value = parsePythonFloat(answer);
    const key = value === null ? `text ${answer}` : `number ${value}`;
    const entry = votes.get(key) ?? { answer, count: 0 };
    entry.count += 1;
    votes.set(key, entry);
  }
  let winner: { answer: string; count: number } | null = null;
  for (const entry of votes.values()) if (winner === null || entry.count > winner.count) winner = entry;
  return winner?.answer ?? null;
}
