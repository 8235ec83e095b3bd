import { unzipSync, zipSync, type UnzipFileInfo, type Zippable } from 'fflate';
import { LabError } from '../errors';
import { openRun, settleInterrupted } from './open_run';
import { MemoryFolder } from './memory_folder';
import { checkPath } from './paths';
import type { RunFolder, RunRecord } from './run';
import { writeRecord } from './run_writer';

/** What belongs to a run; anything else in a .zip (`__MACOSX`, notes) is left out. */
const RUN_FILE = /^(run\.json|metrics\.csv|completions\.jsonl|audit\.jsonl|(checkpoints|model)\/.+)$/;
const MAX_FILES = 10_000;
const MAX_BYTES = 2 ** 32 - 2 ** 20; // a .zip without its 64-bit extension ends at 4 GiB
const MAX_RATIO = 200; // text shrinks some 20 times; a bomb, 1,000 times and more
const FREE_BYTES = 2 ** 20; // below this nothing can be a bomb

/**
 * A whole run, weights and checkpoints included, as one .zip that `importRun` opens again.
 * Errors: `bad_input` when it is no run or larger than 4 GiB.
 */
export async function exportRun(folder: RunFolder): Promise<Uint8Array> {
  await openRun(folder);
  const entries: Zippable = {};
  let total = 0;
  for (const path of await folder.list()) {
    if (!RUN_FILE.test(path) || path.includes('.partial/')) continue;
    const bytes = await folder.read(path);
    total += bytes.length;
    if (total > MAX_BYTES) {
      throw new LabError(
        'bad_input',
        'This run is larger than 4 GiB, more than a .zip holds. Delete some of its checkpoints and export again.',
      );
    }
    // Weights do not shrink; text does.
    entries[path] = [bytes, { level: path.endsWith('.safetensors') ? 0 : 6 }];
  }
  return zipSync(entries);
}

/**
 * Opens an exported run. Everything is checked in memory before `makeFolder` is called, so a bad file leaves nothing
 * behind. `adopt` may give the run another id or name (when the old one is taken).
 * Errors: `bad_input`, in a sentence, for a file that is no .zip, a .zip of something else, a damaged one, one that would
 * unpack to far more than it should, and one whose paths lead out of the folder.
 */
export async function importRun(
  bytes: Uint8Array,
  makeFolder: (record: RunRecord) => Promise<RunFolder>,
  adopt: (record: RunRecord) => RunRecord = (record) => record,
): Promise<RunRecord> {
  const files = unpack(bytes);
  const memory = new MemoryFolder();
  for (const [path, content] of Object.entries(files)) {
    if (!path.endsWith('.safetensors')) await memory.write(path, content);
  }
  const record = adopt(settleInterrupted((await openRun(memory)).record));
  const folder = await makeFolder(record);
  for (const [path, content] of Object.entries(files)) {
    if (path !== 'run.json') await folder.write(path, content);
  }
  await writeRecord(folder, record);
  return record;
}

/** The run's files of a .zip, by path from the run's own folder. */
function unpack(bytes: Uint8Array): Record<string, Uint8Array> {
  if (bytes.length < 22 || bytes[0] !== 0x50 || bytes[1] !== 0x4b) {
    throw new LabError('bad_input', 'This file is not a .zip. Choose a run exported by the lab.');
  }
  const infos: UnzipFileInfo[] = [];
  read(bytes, (info) => {
    infos.push(info);
    return false;
  });
  const prefix = runPrefix(infos);
  refuseBombs(infos, bytes.length);
  const isWanted = ({ name }: UnzipFileInfo) =>
    name.startsWith(prefix) && !name.endsWith('/') && RUN_FILE.test(name.slice(prefix.length));
  const contents = read(bytes, isWanted);
  const files: Record<string, Uint8Array> = {};
  for (const { name, originalSize } of infos.filter(isWanted)) {
    const content = contents[name];
    if (content?.length !== originalSize) {
      throw new LabError('bad_input', `This .zip is damaged at ${name}. Export the run once more.`);
    }
    files[checkPath(name.slice(prefix.length))] = content;
  }
  return files;
}

function read(bytes: Uint8Array, filter: (info: UnzipFileInfo) => boolean): Record<string, Uint8Array> {
  try {
    return unzipSync(bytes, { filter });
  } catch (cause) {
    throw new LabError(
      'bad_input',
      `This .zip is damaged (${cause instanceof Error ? cause.message : String(cause)}). Export the run once more.`,
      { cause },
    );
  }
}

/** People unpack a run and pack its folder again: run.json may then lie one folder down. */
function runPrefix(infos: UnzipFileInfo[]): string {
  const names = infos.map((info) => info.name).filter((name) => /^([^/]+\/)?run\.json$/.test(name));
  const [name] = names
    .filter((candidate) => !candidate.startsWith('__MACOSX/'))
    .sort((a, b) => a.length - b.length);
  if (name === undefined) {
    throw new LabError(
      'bad_input',
      'There is no run.json in this .zip, so it is not a run exported by the lab.',
    );
  }
  return name.slice(0, -'run.json'.length);
}

/** Holds the sizes a .zip declares against sense before anything is unpacked (no more than declared is ever written). */
function refuseBombs(infos: UnzipFileInfo[], packed: number): void {
  const total = infos.reduce((sum, info) => sum + Math.max(info.originalSize, info.size), 0);
  const tooLarge = total > MAX_BYTES || (total > FREE_BYTES && total > packed * MAX_RATIO);
  if (infos.length > MAX_FILES || tooLarge) {
    throw new LabError(
      'bad_input',
      `This .zip of ${packed} bytes would unpack to ${infos.length} files of ${total} bytes, which no exported run does. ` +
        'It was not opened.',
    );
  }
}
