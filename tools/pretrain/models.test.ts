import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../../public');
const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Record<string, unknown>;
const MODELS = [
  { name: 'nano', level: 'easy', parameters: [150_000, 250_000] },
  { name: 'mini', level: 'standard', parameters: [800_000, 1_200_000] },
] as const;

interface NaturalRow {
  question: string;
  answer_cot: string;
  answer_value: string;
}

/** The character that stands for each byte in a byte-level vocabulary: itself if printable, else 256 and up. */
function byteCharacters(): string[] {
  const printable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

/** Name, type and shape of every tensor in a safetensors file. */
function tensors(path: string): Record<string, { dtype: string; shape: number[] }> {
  const bytes = readFileSync(join(ROOT, path));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<
    string,
    { dtype: string; shape: number[] }
  >;
  delete header.__metadata__;
  return header;
}

describe.each(MODELS)('bundled model $name', ({ name, level, parameters }) => {
  const config = read(`models/${name}/config.json`);
  const json = read(`models/${name}/tokenizer.json`) as {
    model: { vocab: Record<string, number>; merges: string[][] };
  };
  const tokenizer = new Tokenizer(json, read(`models/${name}/tokenizer_config.json`));
  const rows = JSON.parse(
    readFileSync(join(ROOT, `problems/${level}/validation.ncot.json`), 'utf8'),
  ) as NaturalRow[];

  it('has every byte, one end-of-text token and a vocabulary that is a multiple of 4', () => {
    const { vocab } = json.model;
    expect(byteCharacters().filter((character) => !(character in vocab))).toEqual([]);
    expect(tokenizer.encode('<|endoftext|>').ids).toEqual([config.eos_token_id]);
    expect(Object.keys(vocab)).toHaveLength(config.vocab_size as number);
    expect((config.vocab_size as number) % 4).toBe(0);
  });

  it('splits numbers into single digits', () => {
    expect(Object.keys(json.model.vocab).filter((token) => /\d./.test(token) || /.\d/.test(token))).toEqual(
      [],
    );
  });

  it.each([
    'naïve — 漢字 🙂',
    ' two  spaces\t\r\n\n  end ',
    'def solution():\n    """x"""\n    return 12 // 5',
    '\u0000',
  ])('gives any text back: %j', (text) => {
    expect(tokenizer.decode(tokenizer.encode(text).ids)).toBe(text);
  });

  it('prompt and target, encoded apart and joined, read as the whole text and fit in the context', () => {
    for (const { question, answer_cot, answer_value } of rows) {
      const prompt = `Question:\n${question}\nAnswer reasoning:\n`;
      const target = `${answer_cot}\nTherefore, the answer is: ${answer_value}`;
      const joined = [...tokenizer.encode(prompt).ids, ...tokenizer.encode(target).ids];
      expect(tokenizer.decode(joined)).toBe(prompt + target);
      expect(joined.length).toBeLessThan(200);
    }
  });

  it('has the tensors of its config in f32 and about the promised number of parameters', () => {
    const header = tensors(`models/${name}/model.safetensors`);
    expect(Object.values(header).every(({ dtype }) => dtype === 'F32')).toBe(true);
    expect(header['model.embed_tokens.weight']?.shape).toEqual([config.vocab_size, config.hidden_size]);
    expect(Object.keys(header)).toHaveLength(2 + 9 * (config.num_hidden_layers as number));
    const count = Object.values(header).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    expect(count).toBeGreaterThan(parameters[0]);
    expect(count).toBeLessThan(parameters[1]);
  });

  it('says in its log that it met the target: 30 to 45 % at temperature 1, pass@8 at least 70 %', () => {
    const { validation } = read(`models/${name}/pretraining.json`) as { validation: Record<string, number> };
    expect(validation.n).toBe(300);
    expect(validation.sampled).toBeGreaterThanOrEqual(30);
    expect(validation.sampled).toBeLessThanOrEqual(45);
    expect(validation.pass_at_8).toBeGreaterThanOrEqual(70);
  });
});
