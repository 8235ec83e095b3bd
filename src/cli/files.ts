import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from '../errors';
import type { ByteSource } from '../model/byte_source';

/** A file's bytes. Errors: `bad_input` saying why it cannot be read. */
export async function readInput(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new LabError('bad_input', `${path} cannot be read: ${reasonOf(cause)}.`, { cause });
  }
}

/** A file read by ranges. Errors: `bad_input` saying why it cannot be read. */
export function fileSource(path: string): ByteSource {
  return {
    size: statSync(path).size,
    read: async (begin, end) => {
      try {
        const file = await open(path);
        try {
          const bytes = new Uint8Array(end - begin);
          const { bytesRead } = await file.read(bytes, 0, bytes.length, begin);
          if (bytesRead < bytes.length) throw new Error('it became shorter while it was read');
          return bytes;
        } finally {
          await file.close();
        }
      } catch (cause) {
        throw new LabError('bad_input', `${path} cannot be read: ${reasonOf(cause)}.`, { cause });
      }
    },
  };
}

/** A row of a .jsonl file with its line number, from 1. */
export interface JsonRow {
  line: number;
  row: Record<string, unknown>;
}

/**
 * The rows of a .jsonl file; empty lines are passed over.
 * Errors: `bad_input` naming the line that is no JSON object, and for a file without rows.
 */
export async function readJsonRows(path: string): Promise<JsonRow[]> {
  const text = new TextDecoder().decode(await readInput(path)).replace(/^\uFEFF/, '');
  const rows: JsonRow[] = [];
  text.split('\n').forEach((content, index) => {
    if (content.trim() === '') return;
    rows.push({ line: index + 1, row: parseRow(content, `${path}, line ${index + 1}`) });
  });
  if (rows.length === 0) {
    throw new LabError('bad_input', `${path} has no rows. Give it one JSON object a line.`);
  }
  return rows;
}

function parseRow(content: string, where: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    throw new LabError('bad_input', `${where}: not JSON (${reasonOf(cause)}).`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LabError('bad_input', `${where}: not a JSON object.`);
  }
  return value as Record<string, unknown>;
}

/** A row's text field. Errors: `bad_input` naming line and field when it is missing or not text. */
export function textField({ line, row }: JsonRow, field: string, path: string): string {
  const value = row[field];
  if (typeof value === 'string') return value;
  const what = value === undefined ? 'is missing' : 'is not text';
  throw new LabError('bad_input', `${path}, line ${line}: "${field}" ${what}.`);
}

/** Writes rows as .jsonl: beside the old file first and then in its place, so that it is never half written. */
export async function writeJsonRows(path: string, rows: readonly unknown[]): Promise<void> {
  const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.partial`, text);
    await rename(`${path}.partial`, path);
  } catch (cause) {
    await rm(`${path}.partial`, { force: true });
    throw new LabError('bad_input', `${path} cannot be written: ${reasonOf(cause)}.`, { cause });
  }
}

/** Fails now rather than after an hour when `path` could not be written. Errors: `bad_input`. */
export async function checkOutput(path: string): Promise<void> {
  const info = await stat(path).catch(() => undefined);
  if (info?.isDirectory()) throw new LabError('bad_input', `${path} is a folder; --out takes a file.`);
  try {
    await mkdir(dirname(path), { recursive: true });
  } catch (cause) {
    throw new LabError('bad_input', `${path} cannot be written: ${reasonOf(cause)}.`, { cause });
  }
}

/** The folder of this package: where public/ with the bundled models and problems lies. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const file = join(folder, 'package.json');
    if (existsSync(file) && packageName(file) === 'reft-lab') return folder;
    if (dirname(folder) === folder)
      throw new LabError('bug', 'The files of reft-lab are not where it runs from.');
    folder = dirname(folder);
  }
}

function packageName(file: string): unknown {
  return (JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown }).name;
}

export function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

/** Why a file operation failed, in words. */
export function reasonOf(cause: unknown): string {
  const code = (cause as { code?: unknown } | null)?.code;
  const words: Record<string, string> = {
    ENOENT: 'there is no such file or folder',
    EISDIR: 'it is a folder',
    ENOTDIR: 'part of its path is a file',
    EEXIST: 'part of its path is a file',
    EACCES: 'permission was denied',
    EROFS: 'the disk is read-only',
    ENOSPC: 'the disk is full',
    ERR_FS_FILE_TOO_LARGE: 'it is larger than 2 GiB',
  };
  const known = typeof code === 'string' ? words[code] : undefined;
  return known ?? (cause instanceof Error ? cause.message : String(cause));
}
