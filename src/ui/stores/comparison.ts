/** The paired test between the first and the last shown run, asked again when their held-out answers change. */
import { create } from 'zustand';
import type { Comparison } from '../../worker/protocol';
import { answersOf, comparedSplit, outcomesOf, type Split } from '../lib/pairing';
import { engine } from './engine';
import { report } from './notices';
import { useRuns, type RunsState } from './runs';
import type { RunState } from './run_state';

export interface Compared {
  a: string;
  b: string;
  split: Split;
  /** The step each run's answers come from. */
  steps: { a: number; b: number };
  comparison: Comparison;
}

export const useComparison = create<{ compared: Compared | null }>(() => ({ compared: null }));

/** The two runs that are compared: the oldest and the youngest on the charts. */
export function comparedPair(state: RunsState): [RunState, RunState] | null {
  const a = state.runs[state.shown[0] ?? ''];
  const b = state.runs[state.shown.at(-1) ?? ''];
  return a && b && a !== b ? [a, b] : null;
}

const STILL_FOR_MS = 400;

export function followComparison(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked = 0;
  const ask = async () => {
    const number = ++asked;
    const pair = comparedPair(useRuns.getState());
    const split = pair && comparedSplit(...pair);
    if (!pair || !split) {
      useComparison.setState({ compared: null });
      return;
    }
    const [a, b] = pair.map((run) => answersOf(run, split));
    if (!a || !b) return;
    try {
      const comparison = await engine().request('compare', {
        a: outcomesOf(pair[0].record.name, a),
        b: outcomesOf(pair[1].record.name, b),
      });
      const steps = { a: a.steps.at(-1) ?? 0, b: b.steps.at(-1) ?? 0 };
      if (number === asked)
        useComparison.setState({ compared: { a: a.run, b: b.run, split, steps, comparison } });
    } catch (error) {
      report(error);
    }
  };
  return useRuns.subscribe((state, before) => {
    if (fingerprint(state) === fingerprint(before) && sameAnswers(state, before)) return;
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), STILL_FOR_MS);
  });
}

function fingerprint(state: RunsState): string {
  const pair = comparedPair(state);
  return pair
    ? pair.map(({ record }) => `${record.id} ${record.name} ${record.best?.step ?? ''}`).join('\n')
    : '';
}

function sameAnswers(state: RunsState, before: RunsState): boolean {
  const now = comparedPair(state);
  const then = comparedPair(before);
  return now?.[0].completions === then?.[0].completions && now?.[1].completions === then?.[1].completions;
}
