import type { Preset } from './recipe';

const PAPER = 'ReFT, arXiv:2401.08967, section 4.2 and appendix; reference code';
const OURS = 'This lab: sized for the bundled models, figures in docs/results.md';

/** What SFT and the warm-up of ReFT share in the demo, so that both arms start alike. */
const demoSft = { learning_rate: 3e-4, batch_size: 32, num_epochs: 20 };
const demoData = { max_train_samples: 800, validation_fraction: 0.1, max_new_tokens: 80 };

const quickData = {
  max_train_samples: 64,
  validation_fraction: 0.01,
  max_eval_samples: 16,
  max_new_tokens: 72,
};

export const sftPresets: Preset[] = [
  {
    id: 'demo',
    label: 'Demo',
    source: OURS,
    values: { ...demoSft, ...demoData, warmup_epochs: 4, eval_steps: 50 },
  },
  {
    id: 'quick',
    label: 'Quick look',
    source: 'This lab: minutes on a software adapter; too short to tell the arms apart',
    values: { learning_rate: 3e-4, batch_size: 16, num_epochs: 3, warmup_epochs: 1, ...quickData },
  },
  {
    id: 'paper-7b',
    label: 'paper 7B',
    source: PAPER,
    values: { learning_rate: 1e-5, batch_size: 48, num_epochs: 40, warmup_epochs: 2, max_new_tokens: 700 },
  },
  {
    id: 'paper-125m',
    label: 'paper 125M',
    source: PAPER,
    values: { learning_rate: 2e-5, batch_size: 48, num_epochs: 40, warmup_epochs: 10, max_new_tokens: 700 },
  },
];

export const reftPresets: Preset[] = [
  {
    id: 'demo',
    label: 'Demo',
    source: OURS,
    values: {
      ...demoData,
      warmup_epochs: 4,
      sft_learning_rate: demoSft.learning_rate,
      sft_batch_size: demoSft.batch_size,
      sft_num_epochs: demoSft.num_epochs,
      num_epochs: 1000,
      max_steps: 100,
      batch_size: 128,
      mini_batch_size: 64,
      learning_rate: 2e-4,
      // A fresh value head on so small a model is noise at first: λ = 1 keeps it out of the direction of the advantages,
      // a small vf_coef keeps its gradient from pulling the backbone about (docs/log.md, 2026-11-21).
      lam: 1,
      vf_coef: 0.1,
      kl_coef: 0.05,
      eval_steps: 10,
    },
  },
  {
    id: 'quick',
    label: 'Quick look',
    source: 'This lab: minutes on a software adapter; too short to tell the arms apart',
    values: {
      ...quickData,
      warmup_epochs: 1,
      sft_learning_rate: 3e-4,
      sft_batch_size: 16,
      sft_num_epochs: 3,
      max_steps: 6,
      batch_size: 16,
      mini_batch_size: 16,
      learning_rate: 1e-4,
      vf_coef: 0.5,
      eval_steps: 3,
    },
  },
  {
    id: 'paper-7b',
    label: 'paper 7B',
    source: PAPER,
    values: {
      warmup_epochs: 2,
      sft_num_epochs: 40,
      sft_batch_size: 48,
      sft_learning_rate: 1e-5,
      num_epochs: 300,
      batch_size: 32,
      mini_batch_size: 32,
      learning_rate: 3e-7,
      kl_coef: 0.05,
      max_new_tokens: 700,
    },
  },
  {
    id: 'paper-125m',
    label: 'paper 125M',
    source: PAPER,
    values: {
      warmup_epochs: 10,
      sft_num_epochs: 40,
      sft_batch_size: 48,
      sft_learning_rate: 2e-5,
      num_epochs: 700,
      batch_size: 256,
      mini_batch_size: 256,
      learning_rate: 3e-6,
      kl_coef: 0.01,
      max_new_tokens: 700,
    },
  },
];
