import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LabError } from '../errors';
import { encodeProblem, encodePrompt } from './prompt';
import { Tokenizer } from './tokenizer';

/** The 256 letters byte-level BPE writes bytes with (GPT-2's table), in byte order. */
function byteLetters(): string[] {
  const plain = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(plain(byte) ? byte : next++));
}

/** A byte-level BPE with three merges and single digits, as tokenizer.json has it. */
function byteLevelJson(): Record<string, unknown> {
  const vocab: Record<string, number> = {};
  for (const letter of byteLetters()) vocab[letter] = Object.keys(vocab).length;
  const merges = [['t', 'h'], ['th', 'e'], ['Ġ', 'the']] as const; // prettier-ignore
  for (const pair of merges) vocab[pair.join('')] = Object.keys(vocab).length;
  const eos = { id: 259, content: '<|endoftext|>', single_word: false, lstrip: false, rstrip: false };
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    added_tokens: [{ ...eos, normalized: false, special: true }],
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel],
    },
    post_processor: null,
    decoder: byteLevel,
    model: { type: 'BPE', unk_token: null, byte_fallback: false, ignore_merges: false, vocab, merges },
  };
}

const tokenizer = Tokenizer.fromJson(byteLevelJson(), { eos_token: '<|endoftext|>' });
const TEXTS = [
  'Question:\nHow many?\nAnswer reasoning:\n',
  "  the  the\tthe\n\n the .  , !  n't",
  'naïve café, 1,080 € … 😀 漢字 \u0000 \u007f',
  'def solution():\n    """Ada\'s 3 bags"""\n    return 3 * 4',
];

describe('Tokenizer', () => {
  it.each(TEXTS)('gives back exactly %j', (text) => {
    const ids = tokenizer.encode(text);
    expect(tokenizer.decode(ids)).toBe(text);
    expect(ids.every((id) => id >= 0 && id < tokenizer.vocabSize)).toBe(true);
  });

  it('merges, splits digits and adds no special token', () => {
    expect(tokenizer.tokenStrings(tokenizer.encode('the the 12'))).toEqual(['the', ' the', ' ', '1', '2']);
    expect(tokenizer.encode('')).toEqual([]);
    expect(tokenizer.vocabSize).toBe(260);
    expect(tokenizer.eosIds).toEqual([259]);
  });

  it('leaves special tokens and unknown ids out of the text', () => {
    expect(tokenizer.decode([259, ...tokenizer.encode('the'), 259, 1000])).toBe('the');
    expect(tokenizer.decode([])).toBe('');
    expect(tokenizer.decode([259])).toBe('');
    expect(tokenizer.tokenStrings([259, 1000])).toEqual(['<|endoftext|>', '[1000]']);
  });

  it('finds EOS without a config, and takes another one', () => {
    expect(Tokenizer.fromJson(byteLevelJson()).eosIds).toEqual([259]);
    const other = tokenizer.withEos([0, 259]);
    expect(other.eosIds).toEqual([0, 259]);
    expect(other.encode('the')).toEqual(tokenizer.encode('the'));
    const objectEos = Tokenizer.fromJson(byteLevelJson(), { eos_token: { content: '<|endoftext|>' } });
    expect(objectEos.eosIds).toEqual([259]);
  });

  it('refuses what is no tokenizer, in a sentence', () => {
    const wrong: [unknown, unknown, RegExp][] = [
      [null, undefined, /no "model"/],
      [{ version: '1.0' }, undefined, /no "model"/],
      [{ model: { type: 'BPE' } }, undefined, /cannot be read as a Hugging Face tokenizer/],
      [{ model: { type: 'Mystery' } }, undefined, /cannot be read/],
      [{ model: { type: 'BPE', vocab: {}, merges: [] } }, undefined, /empty vocabulary/],
      [byteLevelJson(), { eos_token: '<nope>' }, /"<nope>", which tokenizer\.json does not have/],
    ];
    for (const [json, config, message] of wrong) {
      expect(() => Tokenizer.fromJson(json, config)).toThrow(message);
      expect(() => Tokenizer.fromJson(json, config)).toThrow(LabError);
    }
  });

  const bundled = existsSync('public/models')
    ? readdirSync('public/models').filter((name) => existsSync(`public/models/${name}/tokenizer.json`))
    : [];
  it(`round-trips with the tokenizers under public/models (${bundled.join(', ') || 'none there'}) and one made here`, () => {
    const jsons = bundled.map((name) => {
      const text = readFileSync(`public/models/${name}/tokenizer.json`, 'utf8');
      return JSON.parse(text) as unknown;
    });
    for (const json of [byteLevelJson(), ...jsons]) {
      const read = Tokenizer.fromJson(json);
      for (const text of TEXTS) expect(read.decode(read.encode(text))).toBe(text);
      expect(read.eosIds).toHaveLength(1);
    }
  });
});

describe('encodeProblem', () => {
  it('tokenizes prompt and target apart and ends with one EOS', () => {
    const { tokens, promptLength } = encodeProblem(tokenizer, 'th', 'e the');
    expect(tokens.slice(0, promptLength)).toEqual(encodePrompt(tokenizer, 'th'));
    expect(tokenizer.tokenStrings(tokens)).toEqual(['th', 'e', ' the', '<|endoftext|>']);
  });

  it('needs an EOS and a prompt', () => {
    expect(() => encodeProblem(tokenizer.withEos([]), 'a', 'b')).toThrow(/no end-of-text token/);
    expect(() => encodePrompt(tokenizer, '')).toThrow(/prompt is empty/);
  });
});
