import type { RunRecord } from './run';

/** A run's record as it begins, for tests of what is done with one. */
export function exampleRecord(changes: Partial<RunRecord> = {}): RunRecord {
  return {
    format: 1,
    id: '2026-11-21-024500-amber-otter',
    name: 'SFT 1',
    recipe: 'sft',
    preset: 'demo',
    config: { learning_rate: 3e-4, num_epochs: 2, shuffle: true, lr_scheduler_type: 'linear' },
    seed: 7,
    status: 'running',
    created: '2026-11-21T02:45:00.000Z',
    step: 0,
    total_steps: 0,
    model: { name: 'nano', hash: 'ab12', architecture: 'LlamaForCausalLM', parameters: 200_000 },
    dataset: {
      name: 'train.jsonl',
      hash: 'cd34',
      format: 'gsm8k',
      task: 'gsm8k',
      train: 180,
      validation: 20,
    },
    adapter: 'llvmpipe (software)',
    versions: { lab: '0.1.0' },
    events: [],
    seconds: {},
    ...changes,
  };
}
