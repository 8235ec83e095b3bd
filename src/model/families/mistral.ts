import type { Family } from './family';
import { llama } from './llama';

/** Mistral 7B (arXiv:2310.06825) and what was built like it: Llama whose layers may all see a window alone. */
export const mistral: Family = {
  ...llama,
  architecture: 'MistralForCausalLM',
  model_type: 'mistral',
  examples: 'Minueza-32M',
  config: (json) => ({
    ...llama.config(json),
    layers: json.windows(() => json.has('sliding_window')).map((window) => ({ window, rope: 0 })),
  }),
};
