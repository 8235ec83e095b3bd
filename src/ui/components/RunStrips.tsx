import { memo } from 'react';
import { formatCount, formatDuration, formatNumber } from '../lib/format';
import { useRuns } from '../stores/runs';
import type { RunState } from '../stores/run_state';
import { RunChip } from './RunChip';

/** One line a shown run: how it stands, how fast it is, and where its time goes. */
export function RunStrips() {
  const shown = useRuns((state) => state.shown);
  return (
    <ul className="strips" aria-label="Shown runs">
      {shown.map((id) => (
        <Strip key={id} id={id} />
      ))}
    </ul>
  );
}

const Strip = memo(function Strip({ id }: { id: string }) {
  const run = useRuns((state) => state.runs[id]);
  if (!run) return null;
  return (
    <li className="strip">
      <RunChip id={id} />
      <Facts run={run} />
      <TimeSplit seconds={run.record.seconds} />
    </li>
  );
});

function Facts({ run }: { run: RunState }) {
  const { record, live } = run;
  const elapsed = Object.values(record.seconds).reduce((sum, value) => sum + value, 0);
  const facts = [
    `step ${record.step} of ${record.total_steps}`,
    elapsed > 0 ? `${formatDuration(elapsed)}` : '',
    live && live.tokensPerSecond > 0 ? `${formatCount(live.tokensPerSecond)} tokens/s` : '',
  ];
  return (
    <>
      <span className="small muted">{facts.filter((fact) => fact !== '').join(' · ')}</span>
      {record.status === 'failed' && <span className="small fault">failed: {record.error?.message}</span>}
      <StartCheck record={record} />
    </>
  );
}

const KL_LIMIT = 1e-4;

/** The check every ReFT run begins with: before its first update the policy is its own reference. */
function StartCheck({ record }: { record: RunState['record'] }) {
  const kl = record.kl_at_start;
  if (kl === undefined) return null;
  const ok = Math.abs(kl) < KL_LIMIT;
  return (
    <span
      className={ok ? 'small muted' : 'small fault'}
      title="KL of the policy to its reference before the first update; both are the same model, so it must be 0 within 1e-4."
    >
      KL at step 0: {formatNumber(kl)}, {ok ? 'below 1e-4' : 'should be below 1e-4'}
    </span>
  );
}

const WORTH_NAMING = 15;
const PHASES = ['generate', 'score', 'train', 'evaluate'];

function TimeSplit({ seconds }: { seconds: Record<string, number> }) {
  const phases = PHASES.filter((phase) => (seconds[phase] ?? 0) > 0);
  const total = phases.reduce((sum, phase) => sum + (seconds[phase] ?? 0), 0);
  if (total === 0) return <span className="time-split" />;
  const share = (phase: string) => ((seconds[phase] ?? 0) / total) * 100;
  const most = phases
    .filter((phase) => share(phase) >= WORTH_NAMING)
    .map((phase) => `${phase} ${share(phase).toFixed(0)} %`)
    .join(', ');
  const text = phases.map((phase) => `${phase} ${share(phase).toFixed(0)} %`).join(', ');
  return (
    <span className="time-split">
      <span className="time-bar" role="img" aria-label={`Time: ${text}`}>
        {phases.map((phase) => (
          <span
            key={phase}
            title={`${phase}: ${formatDuration(seconds[phase])}`}
            style={{ width: `${share(phase)}%`, background: `var(--phase-${PHASES.indexOf(phase) + 1})` }}
          />
        ))}
      </span>
      <span className="small muted" aria-hidden="true">
        {most}
      </span>
    </span>
  );
}
