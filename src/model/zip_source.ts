import { LabError } from '../errors';
import { rangeSource, type ByteSource } from './byte_source';

/** A file in a .zip. */
export interface ZipEntry {
  name: string;
  /** Bytes as packed and as unpacked. */
  packed: number;
  size: number;
  deflated: boolean;
  /** Where its local header begins. */
  offset: number;
}

const END = 0x06054b50;
const END_BYTES = 22;
const CENTRAL = 0x02014b50;
const CENTRAL_BYTES = 46;
const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;
const MOST_COMMENT = 0xffff;
const STORED = 0;
const DEFLATED = 8;
/** In place of a size: the real one is in the 64-bit extension. */
const IN_EXTENSION = 0xffffffff;

const bad = (what: string): LabError =>
  new LabError('bad_input', `This .zip ${what}. Unpack it and drop the folder instead.`);

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * What a .zip holds, from the directory at its end (APPNOTE.TXT 6.3, 4.3.12 and 4.3.16); folders and what macOS adds are left
 * out. Errors: `bad_input` for a file that is no .zip, a damaged one, and one larger than 4 GiB.
 */
export async function readZip(source: ByteSource): Promise<ZipEntry[]> {
  const tail = await source.read(Math.max(0, source.size - END_BYTES - MOST_COMMENT), source.size);
  const end = viewOf(tail);
  let at = tail.length - END_BYTES;
  while (at >= 0 && end.getUint32(at, true) !== END) at--;
  if (at < 0) throw new LabError('bad_input', 'This file is not a .zip, or it was cut off.');
  const count = end.getUint16(at + 10, true);
  const bytes = end.getUint32(at + 12, true);
  const offset = end.getUint32(at + 16, true);
  if (offset === IN_EXTENSION || offset + bytes > source.size) throw bad('is larger than 4 GiB or damaged');
  const directory = await source.read(offset, offset + bytes);
  const entries: ZipEntry[] = [];
  for (let i = 0, from = 0; i < count; i++) {
    const view = viewOf(directory.subarray(from));
    if (view.byteLength < CENTRAL_BYTES || view.getUint32(0, true) !== CENTRAL) throw bad('is damaged');
    const nameBytes = view.getUint16(28, true);
    const name = new TextDecoder().decode(
      directory.subarray(from + CENTRAL_BYTES, from + CENTRAL_BYTES + nameBytes),
    );
    from += CENTRAL_BYTES + nameBytes + view.getUint16(30, true) + view.getUint16(32, true);
    if (name.endsWith('/') || name.startsWith('__MACOSX/')) continue;
    entries.push(entryOf(name, view));
  }
  return entries;
}

function entryOf(name: string, view: DataView): ZipEntry {
  const method = view.getUint16(10, true);
  const [packed, size, offset] = [20, 24, 42].map((field) => view.getUint32(field, true)) as [
    number,
    number,
    number,
  ];
  if ([packed, size, offset].includes(IN_EXTENSION)) throw bad('is larger than 4 GiB');
  if (view.getUint16(8, true) & 1) throw bad('is encrypted');
  if (method !== STORED && method !== DEFLATED)
    throw bad(`is packed by a method the lab does not know (${method})`);
  return { name, packed, size, offset, deflated: method === DEFLATED };
}

/** A file of a .zip as it is packed there: itself, where it is not deflated. */
export async function packedSource(source: ByteSource, entry: ZipEntry): Promise<ByteSource> {
  const header = viewOf(await source.read(entry.offset, Math.min(source.size, entry.offset + LOCAL_BYTES)));
  if (header.byteLength < LOCAL_BYTES || header.getUint32(0, true) !== LOCAL)
    throw bad(`is damaged at ${entry.name}`);
  const begin = entry.offset + LOCAL_BYTES + header.getUint16(26, true) + header.getUint16(28, true);
  if (begin + entry.packed > source.size) throw bad(`is damaged at ${entry.name}`);
  return rangeSource(source, begin, entry.packed);
}

/** A deflated file unpacked, piece by piece. Errors: `bad_input` when it is damaged or unpacks to another size than declared. */
export async function* inflated(source: ByteSource, entry: ZipEntry): AsyncGenerator<Uint8Array> {
  const packed = await packedSource(source, entry);
  let at = 0;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: async (controller) => {
      if (at >= packed.size) return controller.close();
      const end = Math.min(packed.size, at + 2 ** 20);
      controller.enqueue(new Uint8Array(await packed.read(at, end)));
      at = end;
    },
  });
  const reader = stream.pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  let length = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      length += value.length;
      // A bomb says less than it holds.
      if (length > entry.size) break;
      yield value;
    }
  } catch (cause) {
    if (cause instanceof LabError) throw cause;
    throw bad(`is damaged at ${entry.name}`);
  } finally {
    await reader.cancel().catch(() => undefined);
  }
  if (length !== entry.size) throw bad(`is damaged at ${entry.name}`);
}
