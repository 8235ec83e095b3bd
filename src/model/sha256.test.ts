import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { bytesSource } from './byte_source';
import { Sha256, sha256 } from './sha256';

// Oracle: OpenSSL, through node:crypto.
const oracle = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const made = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 2654435761) >>> 13);

test.each([0, 1, 3, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 1000])('%i bytes at once', (length) => {
  expect(new Sha256().update(made(length)).hex()).toBe(oracle(made(length)));
});

test('bytes in pieces of every size', () => {
  const bytes = made(1000);
  for (const size of [1, 7, 63, 64, 65, 200]) {
    const hash = new Sha256();
    for (let at = 0; at < bytes.length; at += size) hash.update(bytes.subarray(at, at + size));
    expect(hash.hex()).toBe(oracle(bytes));
  }
});

test('a source larger than one piece', async () => {
  const bytes = made(9 * 2 ** 20 + 5);
  expect(await sha256(bytesSource(bytes))).toBe(oracle(bytes));
});
