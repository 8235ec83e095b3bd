import { exportedAdapter, exportedFiles, type ExportFormat } from '../recipes/export_model';
import { readRecord } from '../runs/open_run';
import type { RunFolder } from '../runs/run';
import { zipStream } from '../runs/zip_stream';
import { trainedModel } from './trained_model';

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
    format === 'peft'
      ? await exportedAdapter(folder, record)
      : exportedFiles(await trainedModel(folder), format, record);
  const parts: Blob[] = [];
  for await (const chunk of zipStream(files)) parts.push(new Blob([chunk as Uint8Array<ArrayBuffer>]));
  const blob = new Blob(parts, { type: 'application/zip' });
  return { name: `${record.name.replace(/[^\w.-]+/g, '-')}-${format}.zip`, blob };
}
