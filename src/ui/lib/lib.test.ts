import { describe, expect, it } from 'vitest';
import type { CompletionRecord } from '../../runs/run';
import { exampleRecord } from '../../runs/testing';
import type { Field, RecipeInfo } from '../../worker/protocol';
import { runFromRecord, type RunState } from '../stores/run_state';
import { assignColours } from './colours';
import { fieldProblem, parseSetting, resolveConfig, settingDifferences, whatChanged } from './config';
import { demoOptions, fileFromPaste, routeFiles } from './files';
import { formatBytes, formatCount, formatDuration, formatNumber, formatShort, formatTick } from './format';
import { answersOf, comparedSplit, outcomesOf, problemsOf } from './pairing';
import { statusOf } from './status';

const field = (name: string, rest: Partial<Field>): Field => ({
  name,
  label: name,
  group: 'Schedule',
  kind: 'number',
  default: 1,
  help: '',
  source: '',
  ...rest,
});
const recipe: RecipeInfo = {
  id: 'sft',
  label: 'SFT',
  paper: '',
  help: '',
  fields: [
    field('learning_rate', { default: 1e-5, min: 0 }),
    field('num_epochs', { kind: 'integer', default: 40, min: 1, max: 100 }),
    field('shuffle', { kind: 'boolean', default: true }),
    field('lr_scheduler_type', { kind: 'choice', default: 'linear', choices: ['constant', 'linear'] }),
  ],
  presets: [{ id: 'demo', label: 'Demo', source: '', values: { num_epochs: 20 } }],
  metrics: [],
};

describe('settings', () => {
  it('lay edits over the preset over the defaults', () => {
    expect(resolveConfig(recipe, 'demo', { shuffle: false })).toEqual({
      learning_rate: 1e-5,
      num_epochs: 20,
      shuffle: false,
      lr_scheduler_type: 'linear',
    });
  });

  it('say in a sentence why a value cannot stand', () => {
    const [rate, epochs, shuffle, schedule] = recipe.fields;
    if (!rate || !epochs || !shuffle || !schedule) throw new Error('fields');
    expect(fieldProblem(rate, 'fast')).toBe('learning_rate must be a number.');
    expect(fieldProblem(rate, -1)).toBe('learning_rate must be at least 0.');
    expect(fieldProblem(epochs, 2.5)).toBe('num_epochs must be a whole number.');
    expect(fieldProblem(epochs, 101)).toBe('num_epochs must be at most 100.');
    expect(fieldProblem(schedule, 'cosine')).toMatch(/one of constant, linear/);
    expect([fieldProblem(rate, 3e-4), fieldProblem(epochs, 1), fieldProblem(shuffle, false)]).toEqual([
      null,
      null,
      null,
    ]);
    expect([
      parseSetting(rate, '3e-4'),
      parseSetting(rate, '0,5'),
      parseSetting(rate, ''),
      parseSetting(rate, 'x'),
    ]).toEqual([3e-4, 0.5, '', 'x']);
  });

  it('tell what a run changed, and where runs differ', () => {
    const changed = exampleRecord({
      recipe: 'sft',
      preset: 'demo',
      config: { num_epochs: 20, learning_rate: 3e-4 },
    });
    expect(whatChanged(changed, recipe)).toEqual(['learning_rate']);
    expect(whatChanged(changed, undefined)).toEqual([]);
    const other = exampleRecord({
      recipe: 'reft',
      preset: 'demo',
      config: { num_epochs: 20, kl_coef: 0.05 },
    });
    expect(settingDifferences([changed, other])).toEqual([
      { name: 'recipe', values: ['sft', 'reft'], shared: true },
      { name: 'learning_rate', values: [3e-4, undefined], shared: false },
      { name: 'kl_coef', values: [undefined, 0.05], shared: false },
    ]);
  });
});

describe('colours', () => {
  it('give SFT blue and ReFT orange, further runs hues of their own, and change none', () => {
    const runs = [
      { id: 'a', recipe: 'reft' },
      { id: 'b', recipe: 'sft' },
      { id: 'c', recipe: 'sft' },
      { id: 'd', recipe: 'reft' },
      { id: 'e', recipe: 'sft' },
      { id: 'f', recipe: 'sft' },
    ];
    const colours = assignColours(runs, {});
    expect(runs.map(({ id }) => colours[id]?.hue)).toEqual([
      'orange',
      'blue',
      'teal',
      'magenta',
      'olive',
      'blue',
    ]);
    expect(colours.f?.dash).toBe(1);
    expect(assignColours([...runs, { id: 'g', recipe: 'reft' }], colours)).toMatchObject(colours);
  });

  it('of recorded runs take no hue from the person, and are dashed beside their own runs', () => {
    const recorded = { id: 'r', recipe: 'sft', recorded: true };
    const own = { id: 'a', recipe: 'sft' };
    expect(assignColours([recorded], {})).toEqual({ r: { hue: 'blue', dash: 0 } });
    expect(assignColours([recorded, own], {})).toEqual({
      r: { hue: 'blue', dash: 1 },
      a: { hue: 'blue', dash: 0 },
    });
  });
});

describe('files', () => {
  const named = (...names: string[]) => names.map((name) => ({ name }));

  it('are told apart by their names', () => {
    expect(routeFiles(named('train.jsonl')).kind).toBe('dataset');
    expect(routeFiles(named('run-1.zip', 'run-2.ZIP')).kind).toBe('zips');
    expect(routeFiles(named()).kind).toBe('nothing');
    expect(routeFiles(named('a.json', 'b.json'))).toMatchObject({
      kind: 'nothing',
      reason: expect.stringMatching(/^2 files/) as string,
    });
    expect(routeFiles(named('config.json', 'model.safetensors', 'README.md', 'tokenizer.json'))).toEqual({
      kind: 'model',
      files: named('config.json', 'model.safetensors', 'README.md', 'tokenizer.json'),
    });
  });

  it('can be pasted', () => {
    expect(fileFromPaste(' [{"a": 1}]')?.name).toBe('pasted.json');
    expect(fileFromPaste('{"a": 1}\n{"a": 2}')?.name).toBe('pasted.jsonl');
    expect(fileFromPaste('hello')).toBeNull();
  });

  it('and settings of the demo come from the address', () => {
    expect(demoOptions('?model=nano&set=max_steps=20&set=shuffle=false&set=reference=onnx&set=bad')).toEqual({
      model: 'nano',
      overrides: { max_steps: 20, shuffle: false, reference: 'onnx' },
    });
  });
});

describe('format', () => {
  it('shortens numbers without hiding what they are', () => {
    expect([0.4217, 12, 1234.5, 3.1e-7, 0, NaN, -Infinity, null].map(formatNumber)).toEqual([
      '0.422',
      '12',
      '1235',
      '3.1e-7',
      '0',
      'NaN',
      '\u2212\u221e',
      '\u2013',
    ]);
    expect([0.5, -0.25, 20000, 0.0004].map(formatTick)).toEqual(['0.5', '\u22120.25', '20 k', '4e\u22124']);
    expect([formatCount(1234567), formatShort(1_234_567), formatBytes(805_306_368)]).toEqual([
      '1\u202f234\u202f567',
      '1.2 M',
      '768 MiB',
    ]);
    expect([4.26, 42, 185, 7620].map(formatDuration)).toEqual(['4.3 s', '42 s', '3 min 05 s', '2 h 07 min']);
  });
});

describe('status', () => {
  it('is one word and a step', () => {
    const run = (changes: Parameters<typeof exampleRecord>[0]) => runFromRecord(exampleRecord(changes));
    expect(statusOf(undefined).word).toBe('idle');
    expect(statusOf(run({ status: 'running', step: 12, total_steps: 60 }))).toMatchObject({
      word: 'running',
      step: 'step 12 of 60',
    });
    expect(statusOf(run({ status: 'stopped', step: 12, total_steps: 60 }))).toMatchObject({
      word: 'done',
      step: 'stopped at step 12',
    });
  });
});

describe('pairing', () => {
  const answer = (
    problem: string,
    step: number,
    correct: boolean,
    split: CompletionRecord['split'] = 'validation',
  ): CompletionRecord => ({
    step,
    split,
    problem,
    question: problem,
    completion: '',
    answer: '1',
    extracted: null,
    correct,
    reward: Number(correct),
    length: 1,
    finish: 'eos',
  });
  const runWith = (id: string, completions: CompletionRecord[], best?: number): RunState => {
    const evaluation = {
      step: best ?? 0,
      split: 'validation' as const,
      n: 2,
      correct: 1,
      accuracy: 0.5,
      low: 0,
      high: 1,
    };
    return {
      ...runFromRecord(exampleRecord({ id, ...(best === undefined ? {} : { best: evaluation }) })),
      completions,
    };
  };

  it('takes held-out answers of the best checkpoint, else of the last evaluation', () => {
    const rows = [answer('p', 10, true), answer('p', 20, false)];
    expect(answersOf(runWith('a', rows, 10), 'validation').byProblem.get('p')?.correct).toBe(true);
    expect(answersOf(runWith('a', rows), 'validation')).toMatchObject({ steps: [20] });
  });

  it('finds what the last run gains and loses against the first', () => {
    const a = answersOf(
      runWith('a', [answer('p', 1, true), answer('q', 1, false), answer('r', 1, true)]),
      'validation',
    );
    const b = answersOf(
      runWith('b', [answer('p', 1, false), answer('q', 1, true), answer('r', 1, true)]),
      'validation',
    );
    const filters = ['all', 'right', 'wrong', 'gained', 'lost'] as const;
    expect(filters.map((filter) => problemsOf([a, b], filter))).toEqual([
      ['p', 'q', 'r'],
      ['r'],
      [],
      ['q'],
      ['p'],
    ]);
    expect(outcomesOf('B', b)).toEqual({
      name: 'B',
      correct: [
        ['p', false],
        ['q', true],
        ['r', true],
      ],
    });
  });

  it('compares on the evaluation file where both answered it, never on training samples', () => {
    const tested = runWith('a', [answer('p', 1, true), answer('p', 2, true, 'test')]);
    expect(comparedSplit(tested, tested)).toBe('test');
    expect(comparedSplit(tested, runWith('b', [answer('p', 1, true)]))).toBe('validation');
    expect(comparedSplit(tested, runWith('b', [answer('p', 1, true, 'train')]))).toBeNull();
  });
});
