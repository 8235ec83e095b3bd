import { formatBytes } from '../lib/format';
import { useSetup } from '../stores/setup';

/** The memory this run would take, before it takes it. */
export function EstimateLine() {
  const estimate = useSetup((state) => state.estimate);
  const ready = useSetup((state) => state.dataset !== null && state.model !== null);
  if (!estimate) {
    return (
      <p className="estimate small muted">
        {ready ? 'Memory: being estimated.' : 'Memory: known once data and model are chosen.'}
      </p>
    );
  }
  if (!estimate.fits) {
    return <p className="estimate small fault">Memory: {estimate.reason ?? 'this run does not fit.'}</p>;
  }
  const parts = Object.entries(estimate.bytes).filter(([, bytes]) => bytes > 0);
  return (
    <p className="estimate small">
      Memory: {formatBytes(estimate.totalBytes)} on the GPU
      {parts.length > 0 && (
        <span className="muted">
          {' '}
          ({parts.map(([part, bytes]) => `${part} ${formatBytes(bytes)}`).join(', ')})
        </span>
      )}
      .
    </p>
  );
}
