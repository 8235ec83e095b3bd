import { LabError } from '../errors';
import { MemoryFolder } from '../runs/memory_folder';
import { openRun, readRecord, type OpenedRun } from '../runs/open_run';
import type { RunFolder, RunRecord } from '../runs/run';
import { writeRecord } from '../runs/run_writer';
import { OpfsFolder } from './opfs_folder';

const LIVE = ['loading', 'running', 'paused'];

/**
 * The runs of this browser, a folder each in its private file system. Where there is none (private windows of some
 * browsers) runs live in memory, until the page is closed.
 */
export class RunStore {
  private readonly memory = new Map<string, MemoryFolder>();
  private root: Promise<FileSystemDirectoryHandle | undefined> | undefined;

  /** `isLive`: whether a run is going on in this very worker. */
  constructor(private readonly isLive: (id: string) => boolean) {}

  /** False: what is made here is gone with the page. */
  async persists(): Promise<boolean> {
    return (await this.open()) !== undefined;
  }

  async create(id: string): Promise<RunFolder> {
    const root = await this.open();
    if (root) return new OpfsFolder(await root.getDirectoryHandle(id, { create: true }));
    const folder = new MemoryFolder();
    this.memory.set(id, folder);
    return folder;
  }

  /** Errors: `bad_input` when there is no such run. */
  async folder(id: string): Promise<RunFolder> {
    const held = this.memory.get(id);
    if (held) return held;
    try {
      const root = await this.open();
      if (root) return new OpfsFolder(await root.getDirectoryHandle(id));
    } catch {
      // Not there: said below.
    }
    throw new LabError(
      'bad_input',
      `There is no run ${id} here any more. It may have been deleted in another tab.`,
    );
  }

  /** Every run, oldest first. A folder that is no readable run is passed over. */
  async list(): Promise<RunRecord[]> {
    const records: RunRecord[] = [];
    for (const id of await this.ids()) {
      try {
        records.push(this.settle(await readRecord(await this.folder(id))));
      } catch {
        // Half-written by a tab that was closed: nothing to show.
      }
    }
    return records.sort((a, b) => a.created.localeCompare(b.created));
  }

  async load(id: string): Promise<OpenedRun> {
    const opened = await openRun(await this.folder(id));
    return { ...opened, record: this.settle(opened.record) };
  }

  async rename(id: string, name: string): Promise<RunRecord> {
    const folder = await this.folder(id);
    const record = { ...(await readRecord(folder)), name };
    await writeRecord(folder, record);
    return this.settle(record);
  }

  async remove(id: string): Promise<void> {
    if (this.memory.delete(id)) return;
    const root = await this.open();
    await root?.removeEntry(id, { recursive: true });
  }

  private async ids(): Promise<string[]> {
    const ids = [...this.memory.keys()];
    const root = await this.open();
    if (root) for await (const name of root.keys()) ids.push(name);
    return ids;
  }

  /** A run that was going when its tab closed is shown as stopped where it stood. */
  private settle(record: RunRecord): RunRecord {
    if (!LIVE.includes(record.status) || this.isLive(record.id)) return record;
    return {
      ...record,
      status: 'stopped',
      events: [
        ...record.events,
        {
          step: record.step,
          kind: 'note',
          text: 'The page was closed while this run was going; what it had saved is here.',
        },
      ],
    };
  }

  private open(): Promise<FileSystemDirectoryHandle | undefined> {
    this.root ??= openRuns();
    return this.root;
  }
}

async function openRuns(): Promise<FileSystemDirectoryHandle | undefined> {
  try {
    const root = await navigator.storage.getDirectory();
    return await root.getDirectoryHandle('runs', { create: true });
  } catch {
    return undefined;
  }
}
