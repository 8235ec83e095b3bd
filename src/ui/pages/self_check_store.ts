import { create } from 'zustand';
import type { SelfCheckEvent, SelfCheckExtent, SelfCheckResult } from '../../worker/self_check';

interface SelfCheckState {
  extent: SelfCheckExtent;
  phase: 'starting' | 'running' | 'done' | 'failed';
  adapter: string | undefined;
  /** Cases there are, known once the GPU is open. */
  total: number;
  results: SelfCheckResult[];
  milliseconds: number;
  /** Why the check itself ended early, or its report could not be sent. */
  problem: string | undefined;
}

const INITIAL: SelfCheckState = {
  extent: 'all',
  phase: 'starting',
  adapter: undefined,
  total: 0,
  results: [],
  milliseconds: 0,
  problem: undefined,
};

export const useSelfCheck = create<SelfCheckState>(() => INITIAL);

/** Runs the cases in a worker of its own; `report` is where the results are posted in the end, if anywhere. */
export function startSelfCheck(extent: SelfCheckExtent, report: string | null): void {
  useSelfCheck.setState({ ...INITIAL, extent });
  const worker = new Worker(new URL('../../worker/self_check.ts', import.meta.url), {
    type: 'module',
    name: 'self-check',
  });
  const end = (last: Partial<SelfCheckState>): void => {
    useSelfCheck.setState(last);
    worker.terminate();
    if (report !== null) void send(report);
  };
  worker.onmessage = ({ data }: MessageEvent<SelfCheckEvent>) => {
    switch (data.type) {
      case 'start':
        useSelfCheck.setState({ phase: 'running', adapter: data.adapter, total: data.total });
        break;
      case 'results':
        useSelfCheck.setState(({ results }) => ({ results: [...results, ...data.results] }));
        break;
      case 'done':
        end({ phase: 'done', milliseconds: data.milliseconds });
        break;
      case 'failed':
        end({ phase: 'failed', problem: data.message });
        break;
    }
  };
  worker.postMessage(extent);
  worker.onerror = ({ message }) =>
    end({
      phase: 'failed',
      problem: `The worker that runs the kernels stopped: ${message || 'no reason given'}.`,
    });
}

async function send(report: string): Promise<void> {
  const { adapter, total, results, milliseconds, problem } = useSelfCheck.getState();
  try {
    const url = new URL(report, location.href);
    // Nothing leaves the machine that did not serve the page.
    if (url.origin !== location.origin) throw new Error('results are sent to the server of this page only');
    const body = JSON.stringify({
      adapter,
      browser: navigator.userAgent,
      total,
      results,
      milliseconds,
      problem,
    });
    const { ok, status } = await fetch(url, { method: 'POST', body });
    if (!ok) throw new Error(`the server answered ${status}`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    useSelfCheck.setState({ problem: `The report to ${report} was not sent: ${reason}.` });
  }
}
