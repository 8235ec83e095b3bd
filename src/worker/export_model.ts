import { openModelFolder } from '../model/folder';
import { exportedAdapter, exportedFiles, type ExportFormat } from '../recipes/export_model';
import { readRecord } from '../runs/open_run';
import type { RunFolder, RunRecord } from '../runs/run';
import { zipStream, type StreamedFile } from '../runs/zip_stream';
import { LabError } from '../errors';

const MODEL = 'model/';

/**
 * The final model of a run as a .zip, gathered in the browser's blob storage piece by piece. Errors: `bad_input` when the
 * run has none, or not in this format.
 */
export async function exportModel(
  folder: RunFolder,
  format: ExportFormat,
): Promise<{ name: string; blob: Blob }> {
  const record = await readRecord(folder);
  const files =
    format === 'peft' ? await exportedAdapter(folder, record) : await modelFiles(folder, record, format);
  const parts: Blob[] = [];
  for await (const chunk of zipStream(files)) parts.push(new Blob([chunk as Uint8Array<ArrayBuffer>]));
  const blob = new Blob(parts, { type: 'application/zip' });
  return { name: `${record.name.replace(/[^\w.-]+/g, '-')}-${format}.zip`, blob };
}

async function modelFiles(
  folder: RunFolder,
  record: RunRecord,
  format: Exclude<ExportFormat, 'peft'>,
): Promise<StreamedFile[]> {
  const files: Record<string, Uint8Array> = {};
  for (const path of await folder.list()) {
    if (path.startsWith(MODEL)) files[path.slice(MODEL.length)] = await folder.read(path);
  }
  if (!Object.keys(files).length) {
    throw new LabError('bad_input', `${record.name} has no model yet. Let it finish, or stop it.`);
  }
  return exportedFiles(await openModelFolder(record.name, files), format, record);
}
