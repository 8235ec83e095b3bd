import type { BenchContext } from '../suite';
import { median } from '../figure';
import { ENTRIES, FORWARD, MODEL, NEW_TOKENS, type ContestantId, type Outcome, type WorkId } from './contest';

/** Runs one trial in a process or page of its own. */
export type Launch = (contestant: ContestantId, work: WorkId) => Promise<Outcome>;

/** How far a peer's answer may be from ours before the pair is void; tokens must be the same. */
const TOLERANCE: Record<WorkId, { of: string; most: number }> = {
  train_step: { of: 'loss of a first step', most: 1e-4 },
  train_step_1m: { of: 'loss of a first step', most: 1e-4 },
  forward: { of: 'log-prob', most: 1e-3 },
  generate_b1: { of: 'token', most: 0 },
  generate_b32: { of: 'token', most: 0 },
};

/**
 * The lab beside others on the same work and adapter, each in a fresh process or page: milliseconds of a training step and
 * of a forward pass, tokens/s of generation. Whose answer differs from ours has no figure, and a note says by how much.
 */
export async function measurePeers(
  launch: Launch,
  { report, note }: Pick<BenchContext, 'report' | 'note'>,
): Promise<void> {
  for (const [work, contestants] of Object.entries(ENTRIES) as [WorkId, readonly ContestantId[]][]) {
    const ours = await launch('ours', work);
    for (const contestant of contestants) {
      const outcome = contestant === 'ours' ? ours : await launch(contestant, work);
      const difference = largestDifference(outcome.answer, ours.answer);
      const { of, most } = TOLERANCE[work];
      // Not "difference > most": NaN is no answer.
      if (outcome.adapter !== ours.adapter || !(difference <= most)) {
        note(
          outcome.adapter === ours.adapter
            ? `${work}/${contestant} is void: a ${of} differs from ours by ${difference}.`
            : `${work}/${contestant} is void: it ran on ${outcome.adapter}, ours on ${ours.adapter}.`,
        );
        continue;
      }
      const milliseconds = median(outcome.milliseconds);
      const samples = outcome.milliseconds.length;
      const name = `${work}/${contestant}`;
      const tokens = tokensOf(work);
      report(
        tokens === undefined
          ? { name, value: milliseconds, unit: 'ms', samples }
          : { name, value: (tokens / milliseconds) * 1000, unit: 'tokens/s', samples },
      );
      if (contestant !== 'ours')
        note(
          `ours is ${(milliseconds / median(ours.milliseconds)).toFixed(1)} times as fast as ${contestant}`,
        );
    }
  }
  note(
    `forward: ${FORWARD.batch} × ${FORWARD.length} tokens of ${MODEL}; generate: ${NEW_TOKENS} new tokens a prompt`,
  );
}

const tokensOf = (work: WorkId): number | undefined =>
  work === 'generate_b1' ? NEW_TOKENS : work === 'generate_b32' ? FORWARD.batch * NEW_TOKENS : undefined;

/** Infinity when one answer is longer than the other; NaN when a number of either is. */
export function largestDifference(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length || a.length === 0) return Infinity;
  return a.reduce((most, value, i) => {
    const difference = Math.abs(value - (b[i] ?? Number.NaN));
    return Number.isNaN(most) || difference <= most ? most : difference;
  }, 0);
}
