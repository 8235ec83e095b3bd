import type { DatasetFormat } from '../../worker/protocol';

/** What a detected format is called. */
export const DATASET_FORMATS: Record<DatasetFormat, string> = {
  gsm8k: 'GSM8K format',
  svamp: 'SVAMP format',
  reft: 'ReFT format',
  mathqa: 'MathQA format',
};
