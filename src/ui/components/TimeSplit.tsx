import type { RunRecord } from '../../runs/run';
import { formatDuration, formatShare } from '../lib/format';
import { gradingOf, timeParts, type TimePart } from '../lib/time_split';

const WORTH_NAMING = 0.15;

/** Where a run's time goes, as a bar; unfolded, with every part's seconds, grading beside them, and the kernels in force. */
export function TimeSplit({ record }: { record: RunRecord }) {
  const parts = timeParts(record.seconds);
  if (parts.length === 0) return null;
  const said = (shown: readonly TimePart[]) =>
    shown.map(({ label, share }) => `${label} ${formatShare(share)}`).join(', ');
  const most = parts.filter(({ share }) => share >= WORTH_NAMING);
  return (
    <details className="time-split">
      <summary>
        <span className="time-bar" role="img" aria-label={`Time: ${said(parts)}`}>
          {parts.map(({ id, share }) => (
            <span key={id} className={`phase-${id}`} style={{ width: `${100 * share}%` }} />
          ))}
        </span>
        <span className="small muted" aria-hidden="true">
          {said(most)}
        </span>
      </summary>
      <Details record={record} parts={parts} />
    </details>
  );
}

function Details({ record, parts }: { record: RunRecord; parts: readonly TimePart[] }) {
  const grading = gradingOf(record);
  const choices = Object.entries(record.choices ?? {});
  return (
    <div className="time-details small">
      <table aria-label={`Where the time of ${record.name} went`}>
        <tbody>
          {parts.map(({ id, label, help, seconds, share }) => (
            <tr key={id}>
              <th scope="row">
                <span className={`phase-mark phase-${id}`} />
                {label}
              </th>
              <td>{formatDuration(seconds)}</td>
              <td>{formatShare(share)}</td>
              <td className="muted">{help}</td>
            </tr>
          ))}
          {grading && (
            <tr>
              <th scope="row">
                <span className="phase-mark" />
                grade
              </th>
              <td>{formatDuration(grading.seconds)}</td>
              <td>{formatShare(grading.share)}</td>
              <td className="muted">on the CPU, beside the parts above and in none of them</td>
            </tr>
          )}
        </tbody>
      </table>
      {choices.length > 0 && (
        <p className="muted">
          Matmul kernels on this GPU:{' '}
          <span className="mono">{choices.map(([shape, name]) => `${shape} ${name}`).join(', ')}</span>
        </p>
      )}
    </div>
  );
}
