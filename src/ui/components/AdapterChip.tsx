import { useEngine } from '../stores/engine';
import { adapterName } from '../lib/capability';
import { formatBytes } from '../lib/format';

/** Which GPU, and how large one buffer on it may be. */
export function AdapterChip() {
  const capability = useEngine((state) => state.capability);
  const failed = useEngine((state) => state.checkFailed);
  if (!capability) return <span className="chip muted">Checking this GPU</span>;
  if (!capability.adapter)
    return <span className="chip muted">{failed ? 'GPU not checked' : 'No WebGPU'}</span>;
  const { adapter } = capability;
  const parts = [adapter.description, `features: ${adapter.features.join(', ') || 'none'}`];
  return (
    <span className="chip" title={parts.filter(Boolean).join('\n')}>
      {adapterName(adapter)}
      <span className="muted chip-memory"> {formatBytes(adapter.maxBufferSize)} a buffer</span>
    </span>
  );
}
