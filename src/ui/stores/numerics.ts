/** The numerics check of this GPU on the chosen model: its last result, and whether a run waits for it. */
import { create } from 'zustand';
import { LabError } from '../../errors';
import type { Numerics } from '../../worker/protocol';
import { engine, useEngine } from './engine';
import { useSetup } from './setup';

interface NumericsState {
  /** The person's choice; null leaves it to `checksFirst`. */
  first: boolean | null;
  /** The last result, and the handle of the model it is of. */
  result: { model: string; numerics: Numerics } | null;
  running: boolean;
}

export const useNumerics = create<NumericsState>(() => ({ first: null, result: null, running: false }));

export function setChecksFirst(first: boolean): void {
  useNumerics.setState({ first });
}

/**
 * Whether a run begins with the check. Unless a person chose: on a GPU, where drivers differ; a processor that stands in
 * for one is known, and slow.
 */
export function checksFirst(first: boolean | null): boolean {
  return first ?? useEngine.getState().capability?.adapter?.isSoftware === false;
}

/** Checks the open model on this GPU, on prompts of the chosen problems where there are some. */
export async function checkNumerics(model: string): Promise<Numerics> {
  useNumerics.setState({ running: true });
  try {
    const dataset = useSetup.getState().dataset?.handle ?? null;
    const numerics = await engine().request('check_numerics', { model, dataset });
    useNumerics.setState({ result: { model, numerics } });
    return numerics;
  } finally {
    useNumerics.setState({ running: false });
  }
}

/**
 * Before a run: checks the model where that is wanted and has not been done. Errors: `unsupported` with the verdict when
 * this GPU computes wrongly.
 */
export async function checkBeforeRun(model: string): Promise<void> {
  const { first, result } = useNumerics.getState();
  if (!checksFirst(first)) return;
  const numerics = result?.model === model ? result.numerics : await checkNumerics(model);
  if (!numerics.ok) throw new LabError('unsupported', `The run was not started. ${numerics.sentence}`);
}
