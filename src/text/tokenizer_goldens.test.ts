import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bytesOf, realOrOwn } from '../data/testing';
import { Tokenizer } from './tokenizer';

// Oracle: Python's tokenizers, by tools/goldens/text_files.py.
const GOLDENS = join(import.meta.dirname, 'goldens');
const NAMES = readdirSync(GOLDENS, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

interface Lines {
  tokens: number;
  fingerprints: number[];
  decoded: Record<string, number>;
}

interface Golden {
  gsm8k: Lines;
  own: Lines;
  texts: { text: string; ids: number[]; with_special_tokens: number[]; decoded_without_special: string }[];
}

const json = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

function open(name: string): Tokenizer {
  const bundled = /^bundled_(.*)/.exec(name)?.[1];
  const folder = bundled ? `public/models/${bundled}` : join(GOLDENS, name);
  return Tokenizer.fromJson(
    json(join(folder, 'tokenizer.json')),
    json(join(folder, 'tokenizer_config.json')),
  );
}

/** FNV-1a over whole numbers. */
function fingerprint(numbers: Iterable<number>): number {
  let value = 2166136261;
  for (const number of numbers) value = Math.imul(value ^ number, 16777619) >>> 0;
  return value;
}

const problems = realOrOwn('gsm8k/test.jsonl', 'standard/test.jsonl');
const lines = new TextDecoder()
  .decode(problems.bytes)
  .trim()
  .split('\n')
  .slice(0, 1000)
  .map((line) => JSON.parse(line) as { question: string; answer: string })
  .map(({ question, answer }) => `${question}\n${answer}`);

describe.each(NAMES)('%s tokenizes as Python does', (name) => {
  const golden = json(join(GOLDENS, name, 'golden.json')) as Golden;
  const tokenizer = open(name);

  it(`${lines.length} lines of ${problems.shown}, there and back`, () => {
    const expected = problems.real ? golden.gsm8k : golden.own;
    const wrong: string[] = [];
    let tokens = 0;
    lines.forEach((line, i) => {
      const ids = tokenizer.encode(line);
      tokens += ids.length;
      if (fingerprint(ids) !== expected.fingerprints[i]) wrong.push(`other tokens in line ${i}: ${line}`);
      const back = tokenizer.decode(ids);
      const changed = expected.decoded[i];
      const right = changed === undefined ? back === line : fingerprint(bytesOf(back)) === changed;
      if (!right) wrong.push(`line ${i} comes back as ${back}`);
    });
    expect(wrong).toEqual([]);
    expect(tokens).toBe(expected.tokens);
    expect(lines).toHaveLength(expected.fingerprints.length);
  });

  it.each(golden.texts.map((each) => [JSON.stringify(each.text).slice(0, 40), each] as const))(
    '%s',
    (_, { text, ids, with_special_tokens: started, decoded_without_special: decoded }) => {
      expect(tokenizer.encode(text)).toEqual(ids);
      expect(tokenizer.encodeStart(text)).toEqual(started);
      expect(tokenizer.decode(ids)).toBe(decoded);
    },
  );
});
