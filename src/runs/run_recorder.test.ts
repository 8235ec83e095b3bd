import { describe, expect, it } from 'vitest';
import { LabError } from '../errors';
import type { RunLog } from '../recipes/recipe';
import { MemoryFolder } from './memory_folder';
import { openRun, readRecord } from './open_run';
import type { AuditRecord, CompletionRecord, EvaluationRecord } from './run';
import { RunRecorder, type RunProgress } from './run_recorder';
import { RunWriter } from './run_writer';
import { exampleRecord } from './testing';

const evaluation = (step: number, accuracy: number, split: 'validation' | 'test' = 'validation') =>
  ({ step, split, n: 20, correct: accuracy * 20, accuracy, low: 0, high: 1 }) satisfies EvaluationRecord;

const completion: CompletionRecord = {
  step: 1,
  split: 'train',
  problem: 'gsm8k_1',
  question: 'How many "pens"?\nSay.',
  completion: '2+2=4\nTherefore, the answer is: 4',
  answer: '4',
  extracted: '4',
  correct: true,
  reward: 1,
  length: 9,
  finish: 'eos',
};

const TIMES = ['generate', 'score', 'train', 'evaluate', 'waiting', 'grade'].map((part) => `time/${part}`);

async function begin(options: { now?: () => number; idle?: () => number } = {}) {
  const folder = new MemoryFolder();
  const heard: string[] = [];
  const progress: RunProgress[] = [];
  const recorder = await RunRecorder.create({
    folder,
    record: exampleRecord(),
    metricKeys: ['loss', 'throughput/tokens_per_s', ...TIMES],
    listener: {
      progress: (state) => progress.push(state),
      metrics: (row) => heard.push(`metrics ${row.step}`),
      completions: (rows) => heard.push(`completions ${rows.length}`),
      evaluation: (record) => heard.push(`evaluation ${record.split}`),
      event: (record) => heard.push(`event ${record.kind}`),
      status: (record) => heard.push(`status ${record.status}`),
    },
    ...options,
  });
  return { folder, heard, progress, recorder };
}

describe('RunRecorder', () => {
  it('is a recipe’s RunLog, writes every file of a run, and tells its listener', async () => {
    const { folder, heard, recorder } = await begin();
    const log: RunLog = recorder;
    log.progress(1, 10, 'train');
    await log.metrics(1, { loss: 1.25, 'throughput/tokens_per_s': 900 });
    await log.completions([completion, { ...completion, step: 2 }]);
    expect(await log.evaluation(evaluation(1, 0.5), true)).toBe(true);
    await log.event({ step: 1, kind: 'warmup_end', text: 'Warm-up is over.' });
    await log.audit([{ step: 1, problem: 'gsm8k_1', tokens: [1, 2], mask: [0, 1] } as AuditRecord]);
    await log.klAtStart(3e-6);
    const ended = await recorder.finish('done');

    expect(heard).toEqual([
      'status running',
      'metrics 1',
      'completions 2',
      'evaluation validation',
      'event warmup_end',
      'status running', // kl_at_start is known
      'status done',
    ]);
    expect(await folder.list()).toEqual(['audit.jsonl', 'completions.jsonl', 'metrics.csv', 'run.json']);
    const run = await openRun(folder);
    expect(run.record).toEqual(ended);
    expect(run.record).toMatchObject({ status: 'done', step: 1, total_steps: 10, kl_at_start: 3e-6 });
    expect(run.metrics[0]?.values).toMatchObject({ loss: 1.25, 'throughput/tokens_per_s': 900 });
    expect(run.completions).toEqual([completion, { ...completion, step: 2 }]);
  });

  it('keeps the best evaluation on validation, the first of equals, and never by the test set', async () => {
    const { folder, recorder } = await begin();
    const isBest: boolean[] = [];
    for (const [step, accuracy, candidate] of [
      [0, 0.99, false],
      [10, 0.5, true],
      [20, 0.6, true],
      [30, 0.6, true],
    ] as const) {
      isBest.push(await recorder.evaluation(evaluation(step, accuracy), candidate));
    }
    isBest.push(await recorder.evaluation(evaluation(40, 1, 'test'), true));
    await recorder.settled();
    expect(isBest).toEqual([false, true, true, false, false]);
    const record = await readRecord(folder);
    expect(record.best?.step).toBe(20);
    expect(record.validation?.step).toBe(30);
    expect(record.test?.accuracy).toBe(1);
  });

  it('replaces unkept checkpoints and keeps kept ones', async () => {
    const { folder, recorder } = await begin();
    let saved = 0;
    recorder.saveWith(async () => ({ 'model.safetensors': new Uint8Array([++saved]) }));
    await recorder.checkpoint('0', { keep: true });
    await recorder.checkpoint('10', { keep: false });
    await recorder.checkpoint('20', { keep: false });
    await recorder.checkpoint('20', { keep: false });
    const names = async () => {
      await recorder.settled();
      return (await folder.list()).flatMap((path) => /^checkpoints\/(\d+)/.exec(path)?.[1] ?? []);
    };
    expect(await names()).toEqual(['0', '20']);
    expect(await folder.read('checkpoints/20/model.safetensors')).toEqual(new Uint8Array([4]));
    await recorder.checkpoint('30', { keep: true });
    expect(await names()).toEqual(['0', '20', '30']); // the best so far stays beside a kept one
    await recorder.checkpoint('30', { keep: false });
    await recorder.checkpoint('40', { keep: false });
    expect(await names()).toEqual(['0', '30', '40']); // what was kept once stays
  });

  it('reads a checkpoint while it writes it, and resolves when it is there', async () => {
    const { folder, recorder } = await begin();
    let weights = 7;
    const chunks = async function* () {
      for (let piece = 0; piece < 3; piece++) {
        await Promise.resolve();
        yield new Uint8Array([weights, piece]);
      }
    };
    recorder.saveWith(async () => ({ 'model.safetensors': chunks }));
    await recorder.checkpoint('0', { keep: true });
    weights = 8;
    expect(await folder.read('checkpoints/0/model.safetensors')).toEqual(new Uint8Array([7, 0, 7, 1, 7, 2]));
  });

  it('leaves the old checkpoint whole when writing the new one fails', async () => {
    const folder = new MemoryFolder();
    const writer = await RunWriter.create(folder, exampleRecord(), ['loss']);
    await writer.files('model', { 'a.bin': new Uint8Array([1]), 'b.bin': new Uint8Array([1]) });
    const write = folder.write.bind(folder);
    folder.write = async (path, bytes) => {
      if (path.endsWith('b.bin')) throw new LabError('bad_input', 'The disk is full.');
      await write(path, bytes);
    };
    await expect(
      writer.files('model', { 'a.bin': new Uint8Array([2]), 'b.bin': new Uint8Array([2]) }),
    ).rejects.toThrow('The disk is full.');
    expect(await folder.read('model/a.bin')).toEqual(new Uint8Array([1]));
    await writer.metrics({ step: 1, timestamp: 0, values: { loss: 1 } });
    expect((await openRun(folder)).metrics).toHaveLength(1);
  });

  it('writes overlapping calls whole and in order', async () => {
    const { folder, recorder } = await begin();
    await Promise.all(Array.from({ length: 50 }, (_, step) => recorder.metrics(step, { loss: step })));
    await recorder.settled();
    expect((await openRun(folder)).metrics.map((row) => row.step)).toEqual([...Array(50).keys()]);
  });

  it('splits time by phase, says what is left, and does not count pauses', async () => {
    let milliseconds = 1_000_000;
    const { progress, recorder } = await begin({ now: () => milliseconds });
    recorder.progress(0, 10, 'generate');
    milliseconds += 2000;
    recorder.progress(0, 10, 'train');
    milliseconds += 3000;
    await recorder.setStatus('paused');
    milliseconds += 100_000;
    await recorder.setStatus('running');
    milliseconds += 1000;
    recorder.progress(1, 10, 'generate');
    const last = progress.at(-1);
    expect(last?.seconds).toEqual({ generate: 2, train: 4 });
    expect(last?.secondsLeft).toBeCloseTo(54, 9);
    milliseconds += 500;
    expect((await recorder.finish('failed', { code: 'diverged', message: 'NaN' })).seconds).toEqual({
      generate: 2.5,
      train: 4,
    });
  });

  it('gives to waiting what the GPU does not use, says it row by row, and counts grading beside it', async () => {
    let milliseconds = 0;
    let idle = 0;
    const { folder, recorder } = await begin({ now: () => milliseconds, idle: () => idle });
    recorder.progress(0, 2, 'generate');
    milliseconds += 2000;
    idle += 500;
    const graded = recorder.grading(() => Promise.resolve('a grade'));
    recorder.progress(0, 2, 'train');
    milliseconds += 1000;
    expect(await graded).toBe('a grade');
    await recorder.metrics(1, { loss: 1 });
    milliseconds += 3000;
    idle += 3000;
    await recorder.metrics(2, { loss: 1 });
    const record = await recorder.finish('done');
    expect(record.seconds).toEqual({ generate: 1.5, train: 1, waiting: 3.5 });
    expect(record.grade_seconds).toBe(1);
    const rows = (await openRun(folder)).metrics.map(({ values }) => TIMES.map((key) => values[key]));
    expect(rows).toEqual([
      [1.5, 0, 1, 0, 0.5, 1],
      [0, 0, 0, 0, 3, 0],
    ]);
  });

  it('does not keep a recipe waiting for files, and tells a write that failed at the next call', async () => {
    const { folder, recorder } = await begin();
    const append = folder.append.bind(folder);
    let release = () => {};
    const disk = new Promise<void>((resolve) => (release = resolve));
    folder.append = async (path, text) => {
      await disk;
      if (text.includes('13')) throw new LabError('bad_input', 'The disk is full.');
      await append(path, text);
    };
    await recorder.metrics(1, { loss: 13 });
    await recorder.metrics(2, { loss: 2 });
    expect((await openRun(folder)).metrics).toEqual([]);
    release();
    await expect(recorder.settled()).rejects.toThrow('The disk is full.');
    await recorder.settled();
    expect((await openRun(folder)).metrics.map(({ step }) => step)).toEqual([2]);
  });
});
