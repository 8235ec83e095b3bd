import { useShallow } from 'zustand/react/shallow';
import { useEngine } from '../stores/engine';
import { activeRun, useRuns } from '../stores/runs';
import { blockersOf, useSetup } from '../stores/setup';
import { startRun } from '../stores/setup_actions';

/** The button that starts the run, and under it the one thing that is still missing. */
export function StartBar() {
  useEngine((state) => state.catalogue);
  const blockers = useSetup(useShallow(blockersOf));
  const busy = useSetup((state) => state.busy);
  const refusal = useEngine((state) => state.capability?.refusal ?? null);
  const active = useRuns((state) => activeRun(state)?.record.name);
  const reason =
    refusal ??
    (active === undefined ? blockers[0] : `${active} is going; it ends or is stopped first.`) ??
    busy;
  return (
    <div className="start-bar">
      <button
        type="button"
        className="primary"
        disabled={typeof reason === 'string'}
        aria-describedby="start-reason"
        onClick={() => void startRun()}
      >
        Start
      </button>
      <p id="start-reason" className="small muted" title={reason ?? undefined}>
        {reason ?? ''}
      </p>
    </div>
  );
}
