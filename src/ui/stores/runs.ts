/** All runs the page knows of, which are on the charts, and the commands that act on them. */
import { create } from 'zustand';
import type { CompletionRecord, MetricRow, RunRecord } from '../../runs/run';
import type { RunEvent } from '../../worker/client';
import { assignColours, HUES, type RunColour } from '../lib/colours';
import { eventBatch, pageClock, type Clock, type EventBatch } from './event_batch';
import { engine } from './engine';
import { report } from './notices';
import { applyEvents, isActive, runFromRecord, type Runs, type RunState } from './run_state';
import { recall, remember } from './saved';

export interface RunsState {
  runs: Runs;
  /** Ids of the runs on the charts, oldest first. */
  shown: readonly string[];
  colours: Readonly<Record<string, RunColour>>;
  /** The run that last said something in this session; what the status line speaks of. */
  current: string | null;
  /** Whether saved runs have been listed. */
  listed: boolean;
}

export const useRuns = create<RunsState>(() => ({
  runs: {},
  shown: [],
  colours: recall('colours', readColours, {}),
  current: null,
  listed: false,
}));

const MOST_SHOWN_AT_START = 2;
let batch: EventBatch<RunEvent> | undefined;

/** Listens to the engine and lists what it has saved. */
export async function startRuns(clock: Clock = pageClock): Promise<void> {
  batch = eventBatch(clock, consume);
  engine().onRunEvent((event) => batch?.push(event));
  try {
    addRecords(await engine().request('list_runs', {}));
    const known = byAge(useRuns.getState().runs).map((run) => run.record.id);
    const saved = recall('shown', readIds, []).filter((id) => known.includes(id));
    setShown(saved.length > 0 ? saved : known.slice(-MOST_SHOWN_AT_START));
  } catch (error) {
    report(error);
  } finally {
    useRuns.setState({ listed: true });
  }
}

/** Applies events; a run that begins here goes on the charts, and leaves them only by hand. */
export function consume(events: readonly RunEvent[]): void {
  const before = useRuns.getState();
  const runs = applyEvents(before.runs, events);
  const begun = events.filter((event) => event.type === 'run_created').map((event) => event.run);
  const current = events.findLast((event) => event.type === 'run_status' || event.type === 'run_created');
  useRuns.setState({ runs, current: current?.run ?? before.current });
  if (begun.length > 0) {
    recolour();
    setShown(startsAfresh(before) ? begun : [...before.shown, ...begun]);
  }
  for (const event of events) {
    if (event.type === 'run_finished' && event.record.error) {
      const { name, step, error } = event.record;
      report(
        new Error(`${name} failed at step ${step}. ${error.message} Its charts and checkpoints are kept.`),
      );
    }
  }
}

/** The first run of a session takes the charts from what was shown before; later ones join it. */
function startsAfresh(before: RunsState): boolean {
  return before.current === null;
}

/** Adds or replaces records without touching the figures already here. */
export function addRecords(records: readonly RunRecord[]): void {
  useRuns.setState(({ runs }) => {
    const next: Record<string, RunState> = { ...runs };
    for (const record of records) next[record.id] = { ...(runs[record.id] ?? runFromRecord(record)), record };
    return { runs: next };
  });
  recolour();
}

/** Adds a run shipped with the lab, whole. */
export function addRecorded(run: {
  record: RunRecord;
  metrics: MetricRow[];
  completions: CompletionRecord[];
}): void {
  const state = {
    ...runFromRecord(run.record, true),
    rows: run.metrics,
    completions: run.completions,
    loaded: true,
  };
  useRuns.setState(({ runs }) => (runs[run.record.id] ? {} : { runs: { ...runs, [run.record.id]: state } }));
  recolour();
}

function recolour(): void {
  const { runs, colours } = useRuns.getState();
  const next = assignColours(
    byAge(runs).map(({ record, recorded }) => ({ id: record.id, recipe: record.recipe, recorded })),
    colours,
  );
  useRuns.setState({ colours: next });
  remember('colours', next);
}

/** Puts exactly these runs on the charts and reads what is not here yet. */
export function setShown(ids: readonly string[]): void {
  const { runs } = useRuns.getState();
  const shown = byAge(runs)
    .map((run) => run.record.id)
    .filter((id) => ids.includes(id));
  useRuns.setState({ shown });
  remember('shown', shown);
  for (const id of shown) if (!runs[id]?.loaded) void loadRun(id);
}

export function toggleShown(id: string): void {
  const { shown } = useRuns.getState();
  setShown(shown.includes(id) ? shown.filter((other) => other !== id) : [...shown, id]);
}

const loading = new Set<string>();

async function loadRun(id: string): Promise<void> {
  if (loading.has(id)) return;
  loading.add(id);
  try {
    const { record, metrics, completions } = await engine().request('load_run', { run: id });
    // What the engine said before this answer is in the answer; what it says after is added to it.
    batch?.flush();
    useRuns.setState(({ runs }) => {
      const run = runs[id];
      if (!run) return {};
      const live = run.live ? run.record : record;
      return { runs: { ...runs, [id]: { ...run, record: live, rows: metrics, completions, loaded: true } } };
    });
  } catch (error) {
    report(error);
  } finally {
    loading.delete(id);
  }
}

export async function renameRun(id: string, name: string): Promise<void> {
  await attempt(async () => addRecords([await engine().request('rename_run', { run: id, name })]));
}

export async function deleteRun(id: string): Promise<void> {
  await attempt(async () => {
    await engine().request('delete_run', { run: id });
    const runs: Record<string, RunState> = { ...useRuns.getState().runs };
    delete runs[id];
    useRuns.setState(({ current }) => ({ runs, current: current === id ? null : current }));
    setShown(useRuns.getState().shown.filter((other) => other !== id));
  });
}

/** Opens an exported run and shows it beside the others. */
export async function importRun(name: string, bytes: ArrayBuffer): Promise<void> {
  await attempt(async () => {
    const record = await engine().request('import_run', { file: { name, bytes } });
    showRun(record);
  });
}

/** Shows a run that was just opened beside the others. */
export function showRun(record: RunRecord): void {
  addRecords([record]);
  setShown([...useRuns.getState().shown, record.id]);
}

export async function pauseRun(id: string): Promise<void> {
  await attempt(() => engine().request('pause', { run: id }));
}

export async function resumeRun(id: string): Promise<void> {
  await attempt(() => engine().request('resume', { run: id }));
}

export async function stopRun(id: string): Promise<void> {
  await attempt(() => engine().request('stop', { run: id }));
}

async function attempt(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    report(error);
  }
}

/** Runs, oldest first: the order of tables and charts. */
export function byAge(runs: Runs): RunState[] {
  return Object.values(runs).sort(
    (a, b) => a.record.created.localeCompare(b.record.created) || a.record.id.localeCompare(b.record.id),
  );
}

/** Whether the person has made or opened any run: recorded ones do not count. */
export function hasOwnRuns(state: RunsState): boolean {
  return Object.values(state.runs).some((run) => !run.recorded);
}

/** The run that holds the GPU, if one does. */
export function activeRun(state: RunsState): RunState | undefined {
  const current = state.current === null ? undefined : state.runs[state.current];
  if (current && current.live && isActive(current.record)) return current;
  return Object.values(state.runs).find((run) => run.live !== null && isActive(run.record));
}

function readIds(value: unknown): string[] | null {
  return Array.isArray(value) ? value.filter((id) => typeof id === 'string') : null;
}

function readColours(value: unknown): Record<string, RunColour> | null {
  if (typeof value !== 'object' || value === null) return null;
  const colours: Record<string, RunColour> = {};
  for (const [id, colour] of Object.entries(value as Record<string, Partial<RunColour> | null>)) {
    const hue = HUES.find((known) => known === colour?.hue);
    if (hue) colours[id] = { hue, dash: Number(colour?.dash) || 0 };
  }
  return colours;
}
