import { LabError } from '../errors';

/** Bytes that are read by ranges: an array, a file on disk, a File of the browser, a file of its private file system. */
export interface ByteSource {
  /** Bytes in all. */
  readonly size: number;
  /** SHA-256 in hex, where it was found when the file was fetched. */
  readonly sha256?: string;
  /** Bytes from `begin` up to `end`. Errors: `bad_input` when the file cannot be read, or is shorter than it was. */
  read(begin: number, end: number): Promise<Uint8Array>;
}

/** An array as a source. */
export const bytesSource = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: async (begin, end) => bytes.subarray(begin, end),
});

/** Part of a source, `size` bytes from `offset` on. */
export const rangeSource = (source: ByteSource, offset: number, size: number): ByteSource => ({
  size,
  read: (begin, end) => source.read(offset + begin, offset + end),
});

/** All of a source that is known to be small. */
export const readAll = (source: ByteSource): Promise<Uint8Array> => source.read(0, source.size);

const PIECE = 4 * 2 ** 20;

/** A source from end to end, piece by piece. */
export async function* pieces(source: ByteSource, from = 0): AsyncGenerator<Uint8Array> {
  for (let at = from; at < source.size; at += PIECE) {
    yield await source.read(at, Math.min(source.size, at + PIECE));
  }
}

/** A browser's File or Blob, which stays on its disk. Errors: `bad_input` when it was changed or moved since it was chosen. */
export const blobSource = (blob: Blob, name: string): ByteSource => ({
  size: blob.size,
  read: async (begin, end) => {
    try {
      return new Uint8Array(await blob.slice(begin, end).arrayBuffer());
    } catch (cause) {
      throw new LabError('bad_input', `${name} cannot be read any more; choose it again.`, { cause });
    }
  },
});
