/** A run's state as the status line says it. Pure. */
import type { RunState } from '../stores/run_state';

export type StatusWord = 'idle' | 'loading' | 'running' | 'paused' | 'done' | 'failed';

export interface Status {
  word: StatusWord;
  /** "step 12 of 60", "stopped at step 12"; empty when idle. */
  step: string;
  /** What the run is busy with; empty unless it is going. */
  phase: string;
  /** Of the run's steps, 0 to 1. */
  share: number;
  secondsLeft: number | null;
  name: string;
}

const IDLE: Status = { word: 'idle', step: '', phase: '', share: 0, secondsLeft: null, name: '' };

/** Between pressing the button and the engine's first word of the run. */
export const STARTING: Status = { ...IDLE, word: 'loading' };

/** A stopped run is done; where it stopped stands in its step. */
export function statusOf(run: RunState | undefined): Status {
  if (!run) return IDLE;
  const { status, step, total_steps: total, name } = run.record;
  const word = status === 'stopped' ? 'done' : status;
  const going = word === 'loading' || word === 'running';
  return {
    word,
    step:
      status === 'stopped'
        ? `stopped at step ${step}`
        : total > 0
          ? `step ${step} of ${total}`
          : `step ${step}`,
    phase: going ? (run.live?.phase ?? '') : '',
    share: total > 0 ? step / total : 0,
    secondsLeft: run.live?.secondsLeft ?? null,
    name,
  };
}
