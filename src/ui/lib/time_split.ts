/** Where a run's time went, as the page shows it. Pure. */
import type { RunRecord } from '../../runs/run';

export interface TimePart {
  id: string;
  label: string;
  help: string;
  seconds: number;
  /** Of the whole. */
  share: number;
}

const PARTS = [
  { id: 'generate', label: 'generate', help: 'sampling completions' },
  { id: 'score', label: 'score', help: 'log-probs and values of policy and reference' },
  { id: 'train', label: 'update', help: 'forward, backward and AdamW' },
  { id: 'evaluate', label: 'evaluate', help: 'answering held-out problems' },
  { id: 'waiting', label: 'waiting', help: 'the GPU had nothing to do: grading, files, preparing' },
] as const;

/** The parts a run has spent time in; they add up to its whole time. */
export function timeParts(seconds: Readonly<Record<string, number>>): TimePart[] {
  const spent = (id: string) => seconds[id] ?? 0;
  const total = PARTS.reduce((sum, { id }) => sum + spent(id), 0);
  return PARTS.filter(({ id }) => spent(id) > 0).map((part) => ({
    ...part,
    seconds: spent(part.id),
    share: spent(part.id) / total,
  }));
}

/** Said of grading, which runs beside the parts and is none of them; null for a run that does not know. */
export function gradingOf({ grade_seconds, seconds }: RunRecord): { seconds: number; share: number } | null {
  if (grade_seconds === undefined) return null;
  const total = timeParts(seconds).reduce((sum, part) => sum + part.seconds, 0);
  return { seconds: grade_seconds, share: total > 0 ? grade_seconds / total : 0 };
}
