import { beforeEach, describe, expect, it } from 'vitest';
import type { DatasetSummary, Field, ModelSummary, RecipeInfo } from '../../worker/protocol';
import { useEngine } from './engine';
import {
  blockersOf,
  configOf,
  EMPTY_SETUP,
  presetOf,
  recipeOf,
  setField,
  setPreset,
  setRecipe,
  startRunOf,
  useSetup,
} from './setup';

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

const recipe = (id: string, fields: Field[]): RecipeInfo => ({
  id,
  label: id,
  paper: '',
  help: '',
  fields,
  presets: [
    { id: 'paper', label: 'paper', source: '', values: {} },
    { id: 'demo', label: 'Demo', source: '', values: { learning_rate: 3e-4 } },
    { id: 'quick', label: 'Quick', source: '', values: { learning_rate: 1e-3 } },
  ],
  metrics: [],
});

const rate = field('learning_rate', { default: 1e-5, min: 0, max: 1 });
const warmup = field('warmup_epochs', { default: 2, kind: 'integer', min: 0 });
const adapter = {
  vendor: 'a',
  architecture: 'b',
  description: '',
  isSoftware: false,
  features: [],
  maxBufferSize: 1,
  maxStorageBufferBindingSize: 1,
  maxComputeWorkgroupStorageSize: 1,
};
const dataset: DatasetSummary = {
  handle: 'dataset-1',
  name: 'train.jsonl',
  format: 'gsm8k',
  task: 'gsm8k',
  rows: 10,
  usable: 10,
  hasCot: true,
  bad: [],
  preview: [],
  lengths: null,
};
const model: ModelSummary = {
  handle: 'model-1',
  name: 'nano',
  architecture: 'LlamaForCausalLM',
  parameters: 1,
  hidden_size: 1,
  layers: 1,
  context: 1,
  vocabulary: 1,
  bytes: 4,
  origin: null,
  chat: false,
  untrainable: null,
};

beforeEach(() => {
  useSetup.setState(EMPTY_SETUP);
  useEngine.setState({
    catalogue: {
      recipes: [recipe('sft', [rate]), recipe('reft', [rate, warmup])],
      models: [],
      problems: [],
      version: '0',
    },
    capability: { adapter, check: null, refusal: null },
  });
});

const blockers = () => blockersOf(useSetup.getState());

describe('what a run needs', () => {
  it('is data and a model, each asked for in a sentence', () => {
    expect(blockers()).toEqual(['Choose problems to train on.', 'Choose a model.']);
    useSetup.setState({ dataset, model });
    expect(blockers()).toEqual([]);
  });

  it('is a word on bad rows before they are left out', () => {
    const bad = [{ line: 3, reason: 'no answer' }];
    useSetup.setState({ dataset: { ...dataset, usable: 9, bad }, model });
    expect(blockers()).toEqual(['Leave out 1 row of train.jsonl first, or mend the file.']);
    useSetup.setState({ leaveOut: true });
    expect(blockers()).toEqual([]);
    useSetup.setState({ dataset: { ...dataset, usable: 0, bad } });
    expect(blockers()[0]).toMatch(/No row of train.jsonl/);
  });

  it('is reasoning to learn from: for SFT always, for ReFT as long as it warms up', () => {
    useSetup.setState({ dataset: { ...dataset, hasCot: false }, model });
    expect(blockers()[0]).toMatch(/no chain of thought, so SFT has no reasoning/);
    setRecipe('reft');
    expect(blockers()[0]).toMatch(/cannot warm up/);
    setField('reft', 'warmup_epochs', 0);
    expect(blockers()).toEqual([]);
    setField('reft', 'warmup_epochs', 2);
    useSetup.setState({ init: { kind: 'checkpoint', run: 'a', checkpoint: '4' } });
    expect(blockers()).toEqual([]);
  });

  it('is settings in range, and room for them', () => {
    useSetup.setState({ dataset, model });
    setField('sft', 'learning_rate', 'fast');
    expect(blockers()).toEqual(['learning_rate must be a number.']);
    setField('sft', 'learning_rate', 2);
    expect(blockers()).toEqual(['learning_rate must be at most 1.']);
    setField('sft', 'learning_rate', 0.5);
    useSetup.setState({
      estimate: { bytes: {}, totalBytes: 9, fits: false, reason: 'Too large for this GPU.' },
    });
    expect(blockers()).toEqual(['Too large for this GPU.']);
  });
});

describe('settings', () => {
  it('begin at the preset that suits the machine', () => {
    expect(recipeOf(useSetup.getState())).toBe('sft');
    expect(presetOf(useSetup.getState(), 'sft')).toBe('demo');
    useEngine.setState({
      capability: { adapter: { ...adapter, isSoftware: true }, check: null, refusal: null },
    });
    expect(presetOf(useSetup.getState(), 'sft')).toBe('quick');
  });

  it('are kept by recipe; going back to the preset is no change', () => {
    setField('sft', 'learning_rate', 0.1);
    setField('reft', 'learning_rate', 0.2);
    expect(configOf(useSetup.getState()).learning_rate).toBe(0.1);
    setField('sft', 'learning_rate', 3e-4);
    expect(useSetup.getState().edits).toEqual({ sft: {}, reft: { learning_rate: 0.2 } });
    setPreset('reft', 'paper');
    setRecipe('reft');
    expect(configOf(useSetup.getState())).toEqual({ learning_rate: 1e-5, warmup_epochs: 2 });
  });

  it('make the run the engine is asked for', () => {
    expect(startRunOf(useSetup.getState())).toBeNull();
    useSetup.setState({ dataset, model, name: '  first try ' });
    expect(startRunOf(useSetup.getState())).toEqual({
      recipe: 'sft',
      preset: 'demo',
      config: { learning_rate: 3e-4 },
      model: 'model-1',
      dataset: 'dataset-1',
      evalDataset: null,
      init: { kind: 'model' },
      name: 'first try',
    });
  });
});
