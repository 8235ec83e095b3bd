import { formatDuration } from '../lib/format';
import { statusOf, type Status } from '../lib/status';
import { useRuns } from '../stores/runs';
import { useShallow } from 'zustand/react/shallow';

/** The run's state in one word, its step, and how long it still takes. */
export function StatusLine() {
  const status = useRuns(
    useShallow((state): Status => statusOf(state.current === null ? undefined : state.runs[state.current])),
  );
  return (
    <div className="status-line">
      <span role="status" aria-live="off" className={status.word === 'failed' ? 'status fault' : 'status'}>
        {[status.word, ...(status.step ? [status.step] : []), ...(status.phase ? [status.phase] : [])].join(
          ' · ',
        )}
      </span>
      <span className="muted eta">{eta(status)}</span>
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
