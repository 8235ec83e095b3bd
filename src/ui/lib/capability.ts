/** What the self-check found, in words. Pure. */
import type { AdapterFacts, Capability } from '../../worker/protocol';
import { formatBytes, formatDuration } from './format';

/** A short name for an adapter; software ones are called what they are. */
export function adapterName(adapter: AdapterFacts): string {
  const parts = [adapter.vendor, adapter.architecture].filter((part) => part !== '');
  const name = parts.join(' ') || adapter.description || 'unnamed adapter';
  return adapter.isSoftware ? `${name} (software)` : name;
}

/** One sentence on what this machine can do; null while it is being found out. */
export function capabilitySentence(capability: Capability | null): string | null {
  if (!capability) return null;
  const { adapter, check } = capability;
  if (!adapter) return capability.refusal;
  const memory = `${formatBytes(adapter.maxBufferSize)} in one buffer`;
  const half = adapter.features.includes('shader-f16') ? 'f16 available' : 'no f16';
  return `${adapterName(adapter)}: ${memory}, ${half}. ${checkSentence(check)}`;
}

function checkSentence(check: Capability['check']): string {
  if (!check) return 'Its arithmetic has not been checked.';
  const took = formatDuration(check.milliseconds / 1000);
  const wrong = check.families.filter((family) => !family.ok).map((family) => family.kernel);
  if (wrong.length > 0) {
    return `It computes ${wrong.join(', ')} wrongly (checked against a reference in ${took}); results from it cannot be trusted.`;
  }
  const count = check.families.length;
  const checked =
    count === 1 ? '1 kernel agreed with its reference' : `${count} kernels agreed with their references`;
  return `It computes right: ${checked} in ${took}.`;
}

/** A warning that goes with software adapters; null on a GPU. */
export function softwareSentence(capability: Capability | null): string | null {
  if (!capability?.adapter?.isSoftware) return null;
  return 'This is the processor standing in for a GPU: it computes the same, slowly. The demo uses the smallest model here.';
}
