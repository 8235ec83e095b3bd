import { memo } from 'react';
import { formatCount, formatDuration, formatNumber } from '../lib/format';
import { useRuns } from '../stores/runs';
import type { RunState } from '../stores/run_state';
import { RunChip } from './RunChip';
import { TimeSplit } from './TimeSplit';

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
      <TimeSplit record={run.record} />
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
      <NumericsLine record={record} />
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

/** What the numerics check before this run said of the GPU. */
function NumericsLine({ record: { numerics } }: { record: RunState['record'] }) {
  if (!numerics) return null;
  const { ok, kernels, kernels_passed, max_delta_logit, max_kl, model, checked, verdict } = numerics;
  const forward =
    max_delta_logit === null
      ? ''
      : `, ${model} within ${formatNumber(max_delta_logit)} of onnxruntime-web’s logits, KL ${formatNumber(max_kl)}`;
  return (
    <span className={ok ? 'small muted' : 'small fault'} title={`${verdict} Checked ${checked}.`}>
      Numerics check, {checked.slice(0, 10)}: {ok ? 'right' : 'wrong'}, {kernels_passed} of {kernels} kernels
      {forward}
    </span>
  );
}
