import { LabError } from '../errors';
import { openModelFolder, type LoadedModel, type ModelFiles } from '../model/folder';
import { readRecord } from '../runs/open_run';
import type { RunFolder } from '../runs/run';

const MODEL = 'model/';

/** The model/ of a run: its best checkpoint, an adapter merged in. Errors: `bad_input` when it has none. */
export async function trainedModel(folder: RunFolder): Promise<LoadedModel> {
  const { name } = await readRecord(folder);
  const files: Record<string, ModelFiles[string]> = {};
  for (const path of await folder.list()) {
    if (path.startsWith(MODEL)) files[path.slice(MODEL.length)] = await folder.open(path);
  }
  if (Object.keys(files).length) return openModelFolder(name, files);
  throw new LabError('bad_input', `${name} has no model yet. Let it finish, or stop it.`);
}
