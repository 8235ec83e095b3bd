/** The one connection to the engine, and what it said of itself: what this machine can do, what the lab has. */
import { create } from 'zustand';
import { LabError } from '../../errors';
import type { EngineClient } from '../../worker/client';
import type { Capability, Catalogue } from '../../worker/protocol';
import { report } from './notices';

interface EngineState {
  catalogue: Catalogue | null;
  /** Null until the check has ended. */
  capability: Capability | null;
  /** The check itself broke down: what it says of the machine means nothing. */
  checkFailed: boolean;
}

export const useEngine = create<EngineState>(() => ({
  catalogue: null,
  capability: null,
  checkFailed: false,
}));

let client: EngineClient | undefined;

/** Errors: `bug` before `connectEngine`. */
export function engine(): EngineClient {
  if (!client) throw new LabError('bug', 'The engine was asked for before the page connected to it.');
  return client;
}

export const NO_WEBGPU =
  'This browser has no WebGPU, so nothing can be trained here. Open the lab in a browser that has it.';

/**
 * Connects the page to the engine and asks what it has and what this machine can do. Without WebGPU the machine is not
 * asked; the catalogue and saved runs still are.
 */
export async function connectEngine(connected: EngineClient, hasWebGpu: boolean): Promise<void> {
  client = connected;
  connected.onTrouble(report);
  const catalogue = connected
    .request('catalogue', {})
    .then((value) => useEngine.setState({ catalogue: value }))
    .catch(report);
  if (!hasWebGpu) {
    useEngine.setState({ capability: { adapter: null, check: null, refusal: NO_WEBGPU } });
    await catalogue;
    return;
  }
  const capability = connected
    .request('capability', {})
    .then((value) => useEngine.setState({ capability: value }))
    .catch((error: unknown) => {
      const refusal = `This machine could not be checked. ${error instanceof Error ? error.message : String(error)}`;
      useEngine.setState({ capability: { adapter: null, check: null, refusal }, checkFailed: true });
    });
  await Promise.all([catalogue, capability]);
}

/** Whether something can be trained here; false until the check has ended. */
export function canTrain(state: EngineState): boolean {
  return state.capability !== null && state.capability.refusal === null;
}
