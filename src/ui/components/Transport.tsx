import { activeRun, pauseRun, resumeRun, stopRun, useRuns } from '../stores/runs';

/** Pause, resume, stop: always in their place, pressable when they mean something. */
export function Transport() {
  const id = useRuns((state) => activeRun(state)?.record.id);
  const status = useRuns((state) => activeRun(state)?.record.status);
  const act = (action: (run: string) => Promise<void>) => () => {
    if (id !== undefined) void action(id);
  };
  return (
    <div className="transport" role="group" aria-label="Run">
      <button type="button" disabled={status !== 'running' && status !== 'loading'} onClick={act(pauseRun)}>
        Pause
      </button>
      <button type="button" disabled={status !== 'paused'} onClick={act(resumeRun)}>
        Resume
      </button>
      <button type="button" disabled={id === undefined} onClick={act(stopRun)}>
        Stop
      </button>
    </div>
  );
}
