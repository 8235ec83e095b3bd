import { useShallow } from 'zustand/react/shallow';
import { formatDuration } from '../lib/format';
import { STARTING, statusOf, type Status } from '../lib/status';
import { useRuns } from '../stores/runs';
import { useSetup } from '../stores/setup';

/** The run's state in one word, its step, and how long it still takes. */
export function StatusLine() {
  const current = useRuns(
    useShallow((state): Status => statusOf(state.current === null ? undefined : state.runs[state.current])),
  );
  const starting = useSetup((state) => state.busy?.startsWith('Starting') ?? false);
  const status = starting ? STARTING : current;
  return (
    <div className="status-line">
      <span role="status" aria-live="off" className={status.word === 'failed' ? 'status fault' : 'status'}>
        {[status.word, status.step, status.phase].filter((part) => part !== '').join(' · ')}
      </span>
      <span className="muted eta">{eta(status)}</span>
      {/* Steps would be read out without end; the state alone is announced. */}
      <span className="visually-hidden" aria-live="polite">
        {status.name && `${status.name}: ${status.word}`}
      </span>
      <progress className="bar-progress" aria-label="Progress of the run" max={1} value={status.share} />
    </div>
  );
}

function eta(status: Status): string {
  if (status.word !== 'running' || status.secondsLeft === null) return '';
  return `${formatDuration(status.secondsLeft)} left`;
}
