import type { PlotTick } from './build';

const TICK_NAMES: Record<PlotTick['kind'], string> = {
  warmup_end: 'Warm-up ends',
  best: 'Best checkpoint',
  alarm: 'Alarm',
  nan: 'Not a number',
  evaluation: 'Evaluation',
  checkpoint: 'Checkpoint',
  note: 'Note',
};

/** A mark of the axis in words. */
export function tickText({ run, kind, text }: PlotTick): string {
  return `${run.name}: ${TICK_NAMES[kind]}. ${text}`;
}
