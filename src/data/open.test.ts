import { describe, expect, it } from 'vitest';
import { LabError } from '../errors';
import { samplingPromptOf, promptOf, targetOf } from '../tasks/prompt';
import { MAX_DATASET_BYTES, openDataset, refuseEmpty, refuseSize, refuseWithoutCot } from './open';
import { bytesOf, realOrOwn } from './testing';

const open = (text: string, name = 'file.jsonl') => openDataset(name, bytesOf(text));

async function refusal(bytes: Uint8Array, name = 'file.json'): Promise<string> {
  const error: unknown = await openDataset(name, bytes).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LabError);
  expect((error as LabError).code).toBe('bad_input');
  return (error as LabError).message;
}

const GSM8K_ROW = JSON.stringify({
  question: 'Ada has 3 bags with 4 shells each. How many?',
  answer: 'The bags hold 3*4 = <<3*4=12>>12 shells.\n#### 1,012',
});

describe('whole files', () => {
  const files = [
    {
      file: realOrOwn('gsm8k/train.jsonl', 'standard/train.jsonl'),
      format: 'gsm8k',
      rows: 7473,
      own: 2000,
      cot: true,
    },
    {
      file: realOrOwn('gsm8k/test.jsonl', 'standard/test.jsonl'),
      format: 'gsm8k',
      rows: 1319,
      own: 500,
      cot: true,
    },
    {
      file: realOrOwn('svamp/SVAMP.json', 'standard/train.svamp.json'),
      format: 'svamp',
      rows: 1000,
      own: 2000,
      cot: false,
    },
    {
      file: realOrOwn('mwp_reft/svamp_nl.json', 'standard/train.ncot.json'),
      format: 'reft',
      rows: 3076,
      own: 2000,
      cot: true,
    },
    {
      file: realOrOwn('mwp_reft/svamp_python_sdp.json', 'standard/train.pcot.json'),
      format: 'reft',
      rows: 3043,
      own: 2000,
      cot: true,
    },
  ] as const;
  for (const { file, format, rows, own, cot } of files) {
    it(`reads every row of ${file.shown}`, async () => {
      const started = performance.now();
      const dataset = await openDataset(file.name, file.bytes);
      expect(performance.now() - started).toBeLessThan(3000);
      expect(dataset.bad).toEqual([]);
      expect(dataset).toMatchObject({ format, rows: file.real ? rows : own, hasCot: cot });
      expect(dataset.problems).toHaveLength(dataset.rows);
      expect(dataset.problems.every((problem) => Number.isFinite(Number(problem.answer)))).toBe(true);
      expect(dataset.problems.some((problem) => /<<|####/.test(problem.cot ?? ''))).toBe(false);
      expect(dataset.hash).toMatch(/^[0-9a-f]{64}$/);
      expect(refuseWithoutCot(dataset) === null).toBe(cot);
    });
  }

  it('marks programs, and starts their sampling behind the docstring', async () => {
    const file = realOrOwn('mwp_reft/svamp_python_sdp.json', 'standard/train.pcot.json');
    const { problems } = await openDataset(file.name, file.bytes);
    expect(problems.every((problem) => problem.program === true)).toBe(true);
    const begins = problems.filter((problem) =>
      (promptOf(problem) + (targetOf(problem) ?? '')).startsWith(samplingPromptOf(problem)),
    );
    expect(begins.length / problems.length).toBeGreaterThan(0.95);
  });

  it('reads a test file without chain of thought, and SFT on it is refused', async () => {
    const rows = [{ item_id: 'svamp_1', question: 'How many?', answer_value: '14.0' }];
    const dataset = await open(JSON.stringify(rows), 'svamp_test_set.json');
    expect(dataset).toMatchObject({ format: 'reft', task: 'svamp', rows: 1, hasCot: false, bad: [] });
    expect(refuseWithoutCot(dataset)?.message).toMatch(/no chain of thought.*warmup_epochs=0/);
  });
});

describe('rows', () => {
  it('makes a GSM8K row a problem; annotations stay on request', async () => {
    const { problems } = await open(GSM8K_ROW);
    expect(problems).toEqual([
      {
        id: 'gsm8k_1',
        task: 'gsm8k',
        question: 'Ada has 3 bags with 4 shells each. How many?',
        cot: 'The bags hold 3*4 = 12 shells.',
        answer: '1012',
        line: 1,
      },
    ]);
    const kept = await openDataset('a.jsonl', bytesOf(GSM8K_ROW), { keep_annotations: true });
    expect(kept.problems[0]?.cot).toBe('The bags hold 3*4 = <<3*4=12>>12 shells.');
  });

  it('puts the final period of a SVAMP body back', async () => {
    const row = { ID: 'chal-1', Body: 'Each box holds 12 pens', Question: 'How many in 2?', Answer: 24.0 };
    const { problems } = await open(JSON.stringify([row, { ...row, ID: 'b', Body: 'He has $ 4.' }]));
    expect(problems.map((problem) => problem.question)).toEqual([
      'Each box holds 12 pens. How many in 2?',
      'He has $ 4. How many in 2?',
    ]);
    expect(problems[0]?.answer).toBe('24');
  });

  it('reads MathQA, options as text or list', async () => {
    const row = { Problem: 'speed ?', Rationale: '"explanation : 120 / 2 = 60"', correct: 'b' };
    const options = 'a ) 50 , b ) 60';
    const dataset = await open(
      JSON.stringify([
        { ...row, options },
        { ...row, options: "['a ) 50', 'b ) 60']" },
        { ...row, options: ['a ) 50', 'b ) 60'], correct: 'sixty' },
      ]),
    );
    expect(dataset).toMatchObject({ format: 'mathqa', task: 'mathqa', hasCot: true, rows: 3 });
    expect(dataset.problems[0]).toMatchObject({
      question: 'speed ?\nAnswer options: a ) 50 , b ) 60',
      cot: 'explanation : 120 / 2 = 60',
      answer: 'b',
    });
    expect(dataset.problems[1]?.question).toBe(dataset.problems[0]?.question);
    expect(dataset.bad).toMatchObject([{ line: 3, reason: expect.stringContaining('no option') as string }]);
  });

  it('takes the rules from the prefix of item_id', async () => {
    const row = { question: 'q', answer_cot: 'c', answer_value: '1' };
    const ids = ['gsm8k_1', 'svamp_1', 'mathqa_1', 'mathqa-numeric_1', 'aqua_1'];
    const { problems, bad } = await open(JSON.stringify(ids.map((item_id) => ({ ...row, item_id }))));
    expect(problems.map((problem) => problem.task)).toEqual(['gsm8k', 'svamp', 'mathqa', 'mathqa-numeric']);
    expect(bad).toMatchObject([{ line: 5, reason: expect.stringContaining('mathqa-numeric_') as string }]);
  });

  it('names each bad row by line, with the reason', async () => {
    const lines = Array.from({ length: 20 }, () => GSM8K_ROW);
    lines[2] = '{"question": "q"}';
    lines[4] = '{"question": "q", "answer": "Just 5."}';
    lines[6] = '{"question": "q", "answer": "Steps.\\n#### many"}';
    lines[8] = '{"answer": "#### 5"}';
    lines[10] = '[1, 2]';
    lines[12] = '';
    lines[16] = '{"question": "q", "answer: 5}';
    const dataset = await open(`\ufeff${lines.join('\r\n')}\r\n`);
    expect(dataset.rows).toBe(19);
    expect(dataset.problems).toHaveLength(13);
    expect(dataset.bad.map(({ line }) => line)).toEqual([3, 5, 7, 9, 11, 17]);
    expect(dataset.bad.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('"answer" is missing'),
      expect.stringContaining('no line "#### N"'),
      expect.stringContaining('"many", which is no number'),
      expect.stringContaining('"question" is missing'),
      expect.stringContaining('an array, not an object'),
      expect.stringMatching(/not valid JSON at column 19: a text in quotes that is never closed/),
    ]);
  });

  it('finds ids that are used twice', async () => {
    const row = { item_id: 'svamp_3', question: 'q', answer_cot: 'c', answer_value: '1' };
    const { problems, bad } = await open(JSON.stringify([row, { ...row, item_id: 'svamp_4' }, row]));
    expect(problems).toHaveLength(2);
    expect(bad).toMatchObject([
      { line: 3, reason: expect.stringContaining('already used in row 1') as string },
    ]);
  });

  it('says so when no row is usable', async () => {
    const dataset = await open('{"question": "q"}\n{"question": "r"}');
    expect(dataset.problems).toEqual([]);
    expect(refuseEmpty(dataset)?.message).toMatch(/no usable row: all 2 have a fault.*line 1/);
    expect(refuseWithoutCot(dataset)?.message).toMatch(/no usable row/);
  });
});

describe('files that are refused', () => {
  it('an empty one', async () => {
    expect(await refusal(bytesOf(''))).toMatch(/file\.json is empty/);
    expect(await refusal(bytesOf(' \n\n'))).toMatch(/is empty/);
  });

  it('one that is no text', async () => {
    expect(await refusal(new Uint8Array([0x50, 0x41, 0x52, 0x31, 0]), 'train.parquet')).toMatch(
      /a Parquet file/,
    );
    expect(await refusal(new Uint8Array([0x7b, 0x0a, 0xc3, 0x28]))).toMatch(
      /no text in UTF-8 \(first in line 2\)/,
    );
    expect(await refusal(new Uint8Array([0xff, 0xfe, 0x7b, 0]))).toMatch(/UTF-16/);
    expect(await refusal(new Uint8Array([0x7b, 0, 0, 0]))).toMatch(/zero bytes/);
  });

  it('one of 200 MB, before reading it', async () => {
    const message = await refusal(new Uint8Array(200 * 2 ** 20), 'huge.jsonl');
    expect(message).toMatch(/huge\.jsonl has 200 MiB.*up to 64 MiB.*smaller file/);
    expect(refuseSize('a', MAX_DATASET_BYTES)).toBeNull();
  });

  it('one in another format, and what the lab reads instead', async () => {
    expect(await refusal(bytesOf('a,b\n1,2\n'), 'table.csv')).toMatch(
      /table\.csv is neither JSON nor jsonl.*GSM8K/,
    );
    expect(await refusal(bytesOf('{"prompt": "p", "completion": "c"}'))).toMatch(/prompt\/completion.*GSM8K/);
    expect(await refusal(bytesOf('{"messages": []}'))).toMatch(/chat file/);
    expect(await refusal(bytesOf('[{"instruction": "i", "input": "", "output": "o"}]'))).toMatch(/Alpaca/);
    expect(await refusal(bytesOf('[{"name": "x", "size": 3}]'))).toMatch(/fields "name", "size"/);
    expect(await refusal(bytesOf('[]'))).toMatch(/no object/);
    expect(await refusal(bytesOf('[1, 2]'))).toMatch(/no object/);
  });

  it('a broken array, by row, line and column', async () => {
    expect(await refusal(bytesOf('[\n  {"a": 1},\n  {"a" 2}\n]'))).toMatch(
      /not valid JSON in row 2 \(line 3, column 8\): expected ":", found "2"/,
    );
    expect(await refusal(bytesOf('[{"a": 1},\n{"a": [2'))).toMatch(/in row 2 .*found the end/);
  });

  it('one object over several lines', async () => {
    expect(await refusal(bytesOf('{\n"data": [\n1]\n}'))).toMatch(/one object over several lines/);
    expect(await refusal(bytesOf('{broken\nagain'))).toMatch(/holds no line of JSON.*line 1, column 2/);
  });
});
