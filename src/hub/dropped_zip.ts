import { LabError } from '../errors';
import type { ByteSource } from '../model/byte_source';
import { inModelFolder, isModelFile } from '../model/folder';
import { isOnnxFile } from '../model/onnx_folder';
import { inflated, packedSource, readZip, type ZipEntry } from '../model/zip_source';
import type { StoredFolder } from './store';

/**
 * The files of a model packed as a .zip, its folder inside or not. What is merely stored is read in place; what is deflated is
 * unpacked into `folder` piece by piece. Errors: `bad_input` when there is no model in it or it is damaged.
 */
export async function openZippedModel(
  source: ByteSource,
  folder: StoredFolder,
): Promise<Record<string, ByteSource>> {
  const entries = modelEntries(await readZip(source));
  const files: Record<string, ByteSource> = {};
  for (const [name, entry] of entries) {
    files[name] = entry.deflated
      ? await unpacked(source, entry, folder, name)
      : await packedSource(source, entry);
  }
  return files;
}

/** Errors: `bad_input` when there is no config.json. */
function modelEntries(entries: readonly ZipEntry[]): Map<string, ZipEntry> {
  const inside = inModelFolder(new Map(entries.map((entry) => [entry.name, entry])));
  if (!inside['config.json']) {
    throw new LabError(
      'bad_input',
      'This .zip is neither a run exported by the lab (run.json) nor a model (config.json, tokenizer.json, model.safetensors).',
    );
  }
  return new Map(Object.entries(inside).filter(([name]) => isModelFile(name) || isOnnxFile(name)));
}

async function unpacked(
  source: ByteSource,
  entry: ZipEntry,
  folder: StoredFolder,
  name: string,
): Promise<ByteSource> {
  const writer = await folder.writer(name);
  try {
    for await (const bytes of inflated(source, entry)) await writer.append(bytes);
  } finally {
    await writer.close();
  }
  return folder.open(name);
}
