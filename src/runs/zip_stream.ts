import { Zip, ZipPassThrough } from 'fflate';
import { LabError } from '../errors';

/** A file to be packed: its bytes in order, made as they are asked for. */
export interface StreamedFile {
  path: string;
  chunks: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

const MAX_BYTES = 2 ** 32 - 2 ** 20; // a .zip without its 64-bit extension ends at 4 GiB

/**
 * Files as one .zip, uncompressed (weights do not shrink), piece by piece, so that it never stands in memory whole.
 * Errors: `bad_input` when it would pass 4 GiB.
 */
export async function* zipStream(files: Iterable<StreamedFile>): AsyncGenerator<Uint8Array> {
  let ready: Uint8Array[] = [];
  let total = 0;
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    ready.push(chunk);
  });
  const take = function* (): Generator<Uint8Array> {
    const chunks = ready;
    ready = [];
    yield* chunks;
  };
  for (const { path, chunks } of files) {
    const file = new ZipPassThrough(path);
    zip.add(file);
    for await (const chunk of chunks()) {
      total += chunk.length;
      if (total > MAX_BYTES) {
        throw new LabError(
          'bad_input',
          'This model is larger than 4 GiB, more than a .zip holds. Export it on the command line: reft-lab export.',
        );
      }
      file.push(chunk);
      yield* take();
    }
    file.push(new Uint8Array(), true);
    yield* take();
  }
  zip.end();
  yield* take();
}
