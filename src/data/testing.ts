/**
 * Files for tests. Real data sets lie beside the repository (../shared/data) where there are any; a test that wants one
 * gets the project's own problems of the same format where it is missing, and its name says which it read.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

export interface TestFile {
  name: string;
  /** Whether this is the real file, or the stand-in. */
  real: boolean;
  /** For the test's name. */
  shown: string;
  bytes: Uint8Array;
}

/** `path` under ../shared/data, or else `standIn` under public/problems. */
export function realOrOwn(path: string, standIn: string): TestFile {
  const real = existsSync(`../shared/data/${path}`);
  const file = real ? `../shared/data/${path}` : `public/problems/${standIn}`;
  const shown = real ? `real ${path}` : `${standIn}, as ../shared/data/${path} is missing`;
  return { name: basename(file), real, shown, bytes: new Uint8Array(readFileSync(file)) };
}

/** Text as a file's bytes. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
