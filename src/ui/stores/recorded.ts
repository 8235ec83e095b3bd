/** Runs recorded beforehand and shipped with the lab (demo/index.json names their .zip files): labelled as recorded. */
import { addRecorded, setShown, useRuns } from './runs';

/**
 * Opens the recorded runs, if this build ships any, and puts them on the charts where there is nothing else to show.
 * Their code is fetched only when there are some; a build without them is no fault.
 */
export async function startRecorded(): Promise<void> {
  const names = await recordedNames();
  if (names.length === 0) return;
  const opened = (await Promise.all(names.map(openRecorded))).filter((id) => id !== null);
  if (useRuns.getState().shown.length === 0) setShown(opened);
}

async function recordedNames(): Promise<string[]> {
  const response = await fetch('./demo/index.json').catch(() => null);
  if (!response?.ok || !response.headers.get('content-type')?.includes('json')) return [];
  const names: unknown = await response.json().catch(() => null);
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
}

/** A recording that cannot be read is left out: it is an ornament, not the person's own work. */
async function openRecorded(name: string): Promise<string | null> {
  try {
    const [response, { importRun }, { MemoryFolder }, { openRun }] = await Promise.all([
      fetch(`./demo/${name}`),
      import('../../runs/run_zip'),
      import('../../runs/memory_folder'),
      import('../../runs/open_run'),
    ]);
    if (!response.ok) return null;
    const folder = new MemoryFolder();
    await importRun(new Uint8Array(await response.arrayBuffer()), async () => folder);
    const run = await openRun(folder);
    addRecorded(run);
    return run.record.id;
  } catch (error) {
    console.warn(`The recorded run ${name} could not be opened.`, error);
    return null;
  }
}
