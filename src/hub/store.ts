import { LabError } from '../errors';
import { bytesSource, type ByteSource } from '../model/byte_source';

/** Appends to a file; what was appended is there after `close`, whatever happened in between. */
export interface FileWriter {
  append(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** The files of one downloaded model, by their paths in it. */
export interface StoredFolder {
  /** Bytes of a file; undefined when it is not there. */
  size(name: string): Promise<number | undefined>;
  /** Errors: `bad_input` when the file is not there. */
  open(name: string): Promise<ByteSource>;
  /** Opens a file to be added to. Errors: `bad_input` when someone else writes it, `out_of_memory` when there is no room. */
  writer(name: string): Promise<FileWriter>;
  remove(name: string): Promise<void>;
}

/** Where downloaded models lie, a folder each: the browser's private file system, a folder on disk, memory. */
export interface ModelStore {
  folders(): Promise<string[]>;
  folder(name: string): Promise<StoredFolder>;
  /** Removes a folder with all in it. */
  remove(name: string): Promise<void>;
  /** Bytes that are left for it; undefined where that cannot be known. */
  room(): Promise<number | undefined>;
}

/** Models in memory: where the browser gives no file system, until the page is closed, and for tests. */
export class MemoryStore implements ModelStore {
  private readonly all = new Map<string, Map<string, Uint8Array[]>>();

  async folders(): Promise<string[]> {
    return [...this.all.keys()];
  }

  async folder(name: string): Promise<StoredFolder> {
    const files = this.all.get(name) ?? new Map<string, Uint8Array[]>();
    this.all.set(name, files);
    const bytesOf = (file: string): Uint8Array | undefined => {
      const parts = files.get(file);
      if (!parts) return undefined;
      const whole = joined(parts);
      files.set(file, [whole]);
      return whole;
    };
    return {
      size: async (file) => files.get(file)?.reduce((sum, { length }) => sum + length, 0),
      open: async (file) => {
        const bytes = bytesOf(file);
        if (!bytes) throw new LabError('bad_input', `${name} has no file ${file}.`);
        return bytesSource(bytes);
      },
      writer: async (file) => {
        const parts = files.get(file) ?? [];
        files.set(file, parts);
        return { append: async (bytes) => void parts.push(bytes.slice()), close: async () => undefined };
      },
      remove: async (file) => void files.delete(file),
    };
  }

  async remove(name: string): Promise<void> {
    this.all.delete(name);
  }

  async room(): Promise<undefined> {
    return undefined;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
