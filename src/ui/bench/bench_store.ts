import { create } from 'zustand';
import { parseReport, type Figure, type Roofline } from '../../../bench/figure';
import type { BenchEvent, BenchRequest } from '../../worker/bench';

export const SUITES = [
  { id: 'kernels', label: 'Kernels', help: 'Every kernel at the shapes of five models.' },
  { id: 'growth', label: 'Growth', help: 'Time and bytes against tokens, length, batch, vocabulary, size.' },
  { id: 'steps', label: 'Whole steps', help: 'Training, scoring and generation of the bundled models.' },
] as const;

interface BenchState {
  phase: 'empty' | 'starting' | 'running' | 'done' | 'failed' | 'stopped';
  /** Where the figures come from: this GPU now, a file, or a run recorded with the lab. */
  source: 'here' | 'file' | 'recorded' | null;
  /** The file's name, or the recorded run's. */
  name: string;
  adapter: string | null;
  versions: Record<string, string>;
  roofline: Roofline | null;
  figures: Figure[];
  notes: string[];
  problem: string | null;
}

const EMPTY: BenchState = {
  phase: 'empty',
  source: null,
  name: '',
  adapter: null,
  versions: {},
  roofline: null,
  figures: [],
  notes: [],
  problem: null,
};

export const useBench = create<BenchState>(() => EMPTY);

const recorded = import.meta.glob<string>('../../../bench/results/*.json', {
  query: '?raw',
  import: 'default',
});
const nameOf = (path: string): string => (path.split('/').at(-1) ?? path).replace(/\.json$/, '');

/** Names of the runs that came with the lab. */
export const RECORDED = Object.keys(recorded).map(nameOf);

let worker: Worker | null = null;

/** Measures in a worker of its own; `report` is where the report is posted in the end, if anywhere. */
export function startBench(chosen: Omit<BenchRequest, 'browser'>, report: string | null = null): void {
  worker?.terminate();
  useBench.setState({ ...EMPTY, phase: 'starting', source: 'here' });
  worker = new Worker(new URL('../../worker/bench.ts', import.meta.url), { type: 'module', name: 'bench' });
  const end = (last: Partial<BenchState>): void => {
    useBench.setState(last);
    worker?.terminate();
    worker = null;
    if (report !== null) void send(report);
  };
  worker.onmessage = ({ data }: MessageEvent<BenchEvent>) => {
    switch (data.type) {
      case 'start':
        return useBench.setState({ phase: 'running', adapter: data.adapter, versions: data.versions });
      case 'roofline':
        return useBench.setState({ roofline: data.roofline });
      case 'figure':
        return useBench.setState(({ figures }) => ({ figures: [...figures, data.figure] }));
      case 'note':
        return useBench.setState(({ notes }) => ({ notes: [...notes, data.sentence] }));
      case 'done':
        return end({ phase: 'done', ...data.report });
      case 'failed':
        return end({ phase: 'failed', problem: data.message });
    }
  };
  worker.onerror = ({ message }) =>
    end({ phase: 'failed', problem: `The worker that measures stopped: ${message || 'no reason given'}.` });
  const request: BenchRequest = { ...chosen, browser: browserName() };
  worker.postMessage(request);
}

/** Ends the measuring; what was measured stays. */
export function stopBench(): void {
  worker?.terminate();
  worker = null;
  useBench.setState({ phase: 'stopped' });
}

/** Shows a report from a file. Errors end up on the page. */
export async function openReport(file: File): Promise<void> {
  show(await file.text(), 'file', file.name);
}

/** Shows a run that came with the lab. */
export async function showRecorded(name: string): Promise<void> {
  const path = Object.keys(recorded).find((path) => nameOf(path) === name);
  const load = path === undefined ? undefined : recorded[path];
  if (load) show(await load(), 'recorded', name);
}

/** What the page opens with: a recorded run, where nothing else has come before it. */
export async function showFirst(): Promise<void> {
  const [path] = Object.keys(recorded);
  const text = path === undefined ? undefined : await recorded[path]?.();
  if (path === undefined || text === undefined || useBench.getState().phase !== 'empty') return;
  show(text, 'recorded', nameOf(path));
}

function show(text: string, source: 'file' | 'recorded', name: string): void {
  try {
    useBench.setState({ ...EMPTY, phase: 'done', source, name, ...parseReport(text) });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    useBench.setState({ problem: `${name} could not be opened. ${reason}` });
  }
}

/** What is on the page, as a file. */
export function reportBytes(): ArrayBuffer {
  return new TextEncoder().encode(reportText()).buffer;
}

/** What is on the page, as the bench writes it. */
function reportText(): string {
  const { adapter, versions, roofline, figures } = useBench.getState();
  const report = {
    adapter: adapter ?? 'unknown',
    versions,
    roofline: roofline ?? { copy_gb_s: null, fma_gflop_s: null },
    figures,
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}

/** Nothing leaves the machine that did not serve the page. */
async function send(report: string): Promise<void> {
  try {
    const url = new URL(report, location.href);
    if (url.origin !== location.origin) throw new Error('results are sent to the server of this page only');
    const { problem } = useBench.getState();
    const body = problem === null ? reportText() : JSON.stringify({ problem });
    const { ok, status } = await fetch(url, { method: 'POST', body });
    if (!ok) throw new Error(`the server answered ${status}`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    useBench.setState({ problem: `The report to ${report} was not sent: ${reason}.` });
  }
}

/** "Chrome 140", from what the browser says of itself. */
function browserName(): string {
  const match = /(Firefox|Edg|Chrome|Version)\/(\d+)/.exec(navigator.userAgent);
  if (!match) return navigator.userAgent;
  const [, name = '', version = ''] = match;
  return `${{ Edg: 'Edge', Version: 'Safari' }[name] ?? name} ${version}`;
}
