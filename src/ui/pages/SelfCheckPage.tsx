import { useMemo, useState } from 'react';
import type { SelfCheckExtent, SelfCheckResult } from '../../worker/self_check';
import { startSelfCheck, useSelfCheck } from './self_check_store';

/** Every kernel on this machine's GPU against its double-precision reference. */
export function SelfCheckPage() {
  const { adapter, results, problem } = useSelfCheck();
  const failed = results.filter(({ ok }) => !ok).length;
  return (
    <main className="self-check">
      <header className="stack tight">
        <p className="small">
          <a href="./index.html">ReFT lab</a>
        </p>
        <h1>Does this GPU compute it right?</h1>
        <p className="self-check-lead">
          Every kernel of the lab, forward and backward, runs here on awkward shapes and is held to a plain
          double-precision reference. Nothing is downloaded and nothing is sent.
        </p>
      </header>
      <dl className="self-check-facts">
        <Fact term="Adapter" value={adapter ?? '…'} />
        <Fact term="Cases" value={String(results.length)} />
        <Fact term="Failed" value={String(failed)} isFault={failed > 0} />
      </dl>
      <Progress />
      {problem !== undefined && (
        <p role="alert" className="self-check-problem">
          {problem}
        </p>
      )}
      <ResultsTable results={results} />
    </main>
  );
}

function Fact({ term, value, isFault = false }: { term: string; value: string; isFault?: boolean }) {
  return (
    <div>
      <dt className="small muted">{term}</dt>
      <dd className={isFault ? 'fault' : undefined}>{value}</dd>
    </div>
  );
}

/** One line that says where the check is, for eyes and for assistive tools. */
function Progress() {
  const { phase, total, results, milliseconds } = useSelfCheck();
  const failed = results.filter(({ ok }) => !ok).length;
  const kernels = new Set(results.map(({ kernel }) => kernel)).size;
  const sentence = {
    starting: 'Opening the GPU…',
    running: `Running: ${results.length} of ${total} cases.`,
    done: failed
      ? `Done: ${failed} of ${total} cases failed. Results on this GPU and browser are not to be trusted.`
      : `Done: all ${total} cases of ${kernels} kernels pass (${(milliseconds / 1000).toFixed(1)} s).`,
    failed: 'The check could not be finished.',
  }[phase];
  return (
    <div className="stack tight">
      <p role="status">{sentence}</p>
      <progress max={total || 1} value={results.length} aria-label="Cases run" />
    </div>
  );
}

function ResultsTable({ results }: { results: SelfCheckResult[] }) {
  const extent = useSelfCheck((state) => state.extent);
  const [onlyFailed, setOnlyFailed] = useState(false);
  const shown = useMemo(
    () => (onlyFailed ? results.filter(({ ok }) => !ok) : results),
    [results, onlyFailed],
  );
  return (
    <section className="stack">
      <div className="row wrap">
        <label className="row">
          <input
            type="checkbox"
            checked={onlyFailed}
            onChange={(event) => setOnlyFailed(event.target.checked)}
          />
          Only what failed
        </label>
        <span className="spacer" />
        <span className="row">
          <RunButton label="Quick run" extent="quick" title="One case of each kernel" />
          <RunButton
            label={extent === 'all' ? 'Run again' : 'Run all shapes'}
            extent="all"
            title="Every kernel at all its shapes"
          />
        </span>
      </div>
      <div className="self-check-table">
        <table aria-label="Self-check">
          <thead>
            <tr>
              <th scope="col">Kernel</th>
              <th scope="col">Direction</th>
              <th scope="col">Shape</th>
              <th
                scope="col"
                title="Largest error, as a share of what the reference allows; over 100 % fails"
              >
                Tolerance used
              </th>
              <th scope="col">Result</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((result) => (
              <Row key={`${result.kernel} ${result.direction} ${result.shape}`} result={result} />
            ))}
          </tbody>
        </table>
        {onlyFailed && shown.length === 0 && <p className="muted self-check-empty">Nothing has failed.</p>}
      </div>
    </section>
  );
}

function RunButton({ label, extent, title }: { label: string; extent: SelfCheckExtent; title: string }) {
  const isGoing = useSelfCheck(({ phase }) => phase === 'starting' || phase === 'running');
  return (
    <button
      type="button"
      className="small"
      disabled={isGoing}
      title={title}
      onClick={() => startSelfCheck(extent, null)}
    >
      {label}
    </button>
  );
}

function Row({ result: { kernel, direction, shape, ok, share, message } }: { result: SelfCheckResult }) {
  const used = Math.min(100, 100 * (share ?? 1));
  return (
    <tr>
      <th scope="row" className="mono">
        {kernel}
      </th>
      <td>{direction}</td>
      <td className="mono">{shape}</td>
      <td title={message}>
        <span className={ok ? 'share' : 'share over'} style={{ backgroundSize: `${used}% 100%` }}>
          {share === null ? '–' : `${(100 * share).toFixed(1)} %`}
        </span>
      </td>
      <td className={ok ? undefined : 'fault'}>{ok ? 'pass' : `fail: ${message}`}</td>
    </tr>
  );
}
