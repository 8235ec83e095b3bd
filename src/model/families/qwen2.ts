import type { Family } from './family';
import { llama } from './llama';

/** Qwen 2 and 2.5 (arXiv:2407.10671, 2412.15115): Llama with biases on query, key and value, whatever config.json says. */
export const qwen2: Family = {
  ...llama,
  architecture: 'Qwen2ForCausalLM',
  model_type: 'qwen2',
  examples: 'Qwen2.5-0.5B',
  config: (json) => {
    const firstLocal = json.flag('use_sliding_window', false) ? json.number('max_window_layers') : Infinity;
    return {
      ...llama.config(json),
      bias: { qkv: true, output: false, mlp: false },
      layers: json.windows((layer) => layer >= firstLocal).map((window) => ({ window, rope: 0 })),
    };
  },
};
