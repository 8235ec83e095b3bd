import type { BenchContext } from '../suite';
import { median, type Figure } from '../figure';
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
 * of a forward pass, tokens/s of generation. Whose answer differs from ours, or who gives none, has
 * no figure, and a note says why. Errors: those of our own trial.
 */
export async function measurePeers(
  launch: Launch,
  { report, note }: Pick<BenchContext, 'report' | 'note'>,
): Promise<void> {
  for (const [work, contestants] of Object.entries(ENTRIES) as [WorkId, readonly ContestantId[]][]) {
    const trial = (contestant: ContestantId): Promise<Outcome> => {
      note(`${work}: ${contestant} is at work`);
      return launch(contestant, work);
    };
    const ours = await trial('ours');
    report(figureOf(work, 'ours', ours));
    for (const contestant of contestants.filter((other) => other !== 'ours')) {
      const outcome = await trial(contestant).catch(asError);
      const flaw = outcome instanceof Error ? `it failed: ${outcome.message}` : flawOf(work, outcome, ours);
      if (outcome instanceof Error || flaw !== undefined) {
        note(`${work}/${contestant} is void: ${flaw}.`);
        continue;
      }
      report(figureOf(work, contestant, outcome));
      const ratio = median(outcome.milliseconds) / median(ours.milliseconds);
      note(`ours is ${ratio.toFixed(1)} times as fast as ${contestant}`);
    }
  }
  note(
    `forward: ${FORWARD.batch} × ${FORWARD.length} tokens of ${MODEL}; generate: ${NEW_TOKENS} new tokens a prompt`,
  );
}

/** Why a peer's outcome cannot stand beside ours; undefined when it can. */
function flawOf(work: WorkId, outcome: Outcome, ours: Outcome): string | undefined {
  if (outcome.adapter !== ours.adapter) return `it ran on ${outcome.adapter}, ours on ${ours.adapter}`;
  const { of, most } = TOLERANCE[work];
  const difference = largestDifference(outcome.answer, ours.answer);
  // Not "difference > most": NaN is no answer.
  return difference <= most ? undefined : `a ${of} differs from ours by ${difference}`;
}

function figureOf(work: WorkId, contestant: ContestantId, outcome: Outcome): Figure {
  const milliseconds = median(outcome.milliseconds);
  const shared = { name: `${work}/${contestant}`, samples: outcome.milliseconds.length };
  const tokens = tokensOf(work);
  return tokens === undefined
    ? { ...shared, value: milliseconds, unit: 'ms' }
    : { ...shared, value: (tokens / milliseconds) * 1000, unit: 'tokens/s' };
}

const tokensOf = (work: WorkId): number | undefined =>
  work === 'generate_b1' ? NEW_TOKENS : work === 'generate_b32' ? FORWARD.batch * NEW_TOKENS : undefined;

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** Infinity when one answer is longer than the other; NaN when a number of either is. */
export function largestDifference(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length || a.length === 0) return Infinity;
  return a.reduce((most, value, i) => {
    const difference = Math.abs(value - (b[i] ?? Number.NaN));
    return Number.isNaN(most) || difference <= most ? most : difference;
  }, 0);
}
