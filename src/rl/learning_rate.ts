/** Learning rate schedules, as transformers' get_constant_schedule and get_linear_schedule_with_warmup give them. */
export type LrSchedule = 'constant' | 'linear';

/**
 * The learning rate of update `step` (from 0). Linear: up from 0 over ceil(total · warmup_ratio) updates, then down to
 * 0 at `total`; so update 0 of a schedule with warm-up has rate 0, as in transformers. Constant ignores the warm-up.
 */
export function learningRate(
  schedule: LrSchedule,
  step: number,
  total: number,
  warmup_ratio: number,
  peak: number,
): number {
  if (schedule === 'constant') return peak;
  const warmup = Math.ceil(total * warmup_ratio);
  if (step < warmup) return (peak * step) / Math.max(1, warmup);
  return peak * Math.max(0, (total - step) / Math.max(1, total - warmup));
}
