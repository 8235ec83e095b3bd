import { describe, expect, test } from 'vitest';
import { ARCHITECTURES, parseModelConfig } from './config';
import { parameterCount } from './parameters';

// Fields of the published config.json files, and how many parameters their weights have on the Hub.
const PUBLISHED: Record<string, { parameters: number; json: Record<string, unknown> }> = {
  gpt2: {
    parameters: 124_439_808,
    json: {
      architectures: ['GPT2LMHeadModel'],
      activation_function: 'gelu_new',
      layer_norm_epsilon: 1e-5,
      n_ctx: 1024,
      n_embd: 768,
      n_head: 12,
      n_layer: 12,
      n_positions: 1024,
      vocab_size: 50_257,
    },
  },
  distilgpt2: {
    parameters: 81_912_576,
    json: { architectures: ['GPT2LMHeadModel'], n_embd: 768, n_head: 12, n_layer: 6, vocab_size: 50_257 },
  },
  'SmolLM2-135M': {
    parameters: 134_515_008,
    json: {
      architectures: ['LlamaForCausalLM'],
      hidden_size: 576,
      intermediate_size: 1536,
      num_attention_heads: 9,
      num_hidden_layers: 30,
      num_key_value_heads: 3,
      rms_norm_eps: 1e-5,
      rope_scaling: null,
      rope_theta: 100_000,
      tie_word_embeddings: true,
      vocab_size: 49_152,
    },
  },
  'TinyLlama-1.1B': {
    parameters: 1_100_048_384,
    json: {
      architectures: ['LlamaForCausalLM'],
      hidden_size: 2048,
      intermediate_size: 5632,
      num_attention_heads: 32,
      num_hidden_layers: 22,
      num_key_value_heads: 4,
      tie_word_embeddings: false,
      vocab_size: 32_000,
    },
  },
  'Llama-3.2-1B': {
    parameters: 1_235_814_400,
    json: {
      architectures: ['LlamaForCausalLM'],
      head_dim: 64,
      hidden_size: 2048,
      intermediate_size: 8192,
      num_attention_heads: 32,
      num_hidden_layers: 16,
      num_key_value_heads: 8,
      rope_scaling: {
        factor: 32,
        high_freq_factor: 4,
        low_freq_factor: 1,
        original_max_position_embeddings: 8192,
        rope_type: 'llama3',
      },
      rope_theta: 500_000,
      tie_word_embeddings: true,
      vocab_size: 128_256,
    },
  },
  'Qwen2.5-0.5B': {
    parameters: 494_032_768,
    json: {
      architectures: ['Qwen2ForCausalLM'],
      hidden_size: 896,
      intermediate_size: 4864,
      max_window_layers: 24,
      num_attention_heads: 14,
      num_hidden_layers: 24,
      num_key_value_heads: 2,
      sliding_window: 32_768,
      tie_word_embeddings: true,
      use_sliding_window: false,
      vocab_size: 151_936,
    },
  },
  'Qwen3-0.6B': {
    parameters: 596_049_920,
    json: {
      architectures: ['Qwen3ForCausalLM'],
      attention_bias: false,
      head_dim: 128,
      hidden_size: 1024,
      intermediate_size: 3072,
      num_attention_heads: 16,
      num_hidden_layers: 28,
      num_key_value_heads: 8,
      rope_theta: 1_000_000,
      tie_word_embeddings: true,
      vocab_size: 151_936,
    },
  },
  'pythia-70m': {
    parameters: 70_426_624,
    json: {
      architectures: ['GPTNeoXForCausalLM'],
      hidden_size: 512,
      intermediate_size: 2048,
      num_attention_heads: 8,
      num_hidden_layers: 6,
      rotary_pct: 0.25,
      tie_word_embeddings: false,
      vocab_size: 50_304,
    },
  },
  'gemma-3-270m': {
    parameters: 268_098_176,
    json: {
      architectures: ['Gemma3ForCausalLM'],
      _sliding_window_pattern: 6,
      attn_logit_softcapping: null,
      final_logit_softcapping: null,
      head_dim: 256,
      hidden_activation: 'gelu_pytorch_tanh',
      hidden_size: 640,
      intermediate_size: 2048,
      num_attention_heads: 4,
      num_hidden_layers: 18,
      num_key_value_heads: 1,
      query_pre_attn_scalar: 256,
      rope_local_base_freq: 10_000,
      rope_theta: 1_000_000,
      sliding_window: 512,
      vocab_size: 262_144,
    },
  },
  'opt-125m': {
    parameters: 125_239_296,
    json: {
      architectures: ['OPTForCausalLM'],
      activation_function: 'relu',
      do_layer_norm_before: true,
      ffn_dim: 3072,
      hidden_size: 768,
      max_position_embeddings: 2048,
      num_attention_heads: 12,
      num_hidden_layers: 12,
      vocab_size: 50_272,
      word_embed_proj_dim: 768,
    },
  },
  'Mistral-7B-v0.1': {
    parameters: 7_241_732_096,
    json: {
      architectures: ['MistralForCausalLM'],
      hidden_size: 4096,
      intermediate_size: 14_336,
      num_attention_heads: 32,
      num_hidden_layers: 32,
      num_key_value_heads: 8,
      sliding_window: 4096,
      tie_word_embeddings: false,
      vocab_size: 32_000,
    },
  },
  'gemma-2-2b': {
    parameters: 2_614_341_888,
    json: {
      architectures: ['Gemma2ForCausalLM'],
      head_dim: 256,
      hidden_activation: 'gelu_pytorch_tanh',
      hidden_size: 2304,
      intermediate_size: 9216,
      num_attention_heads: 8,
      num_hidden_layers: 26,
      num_key_value_heads: 4,
      query_pre_attn_scalar: 256,
      sliding_window: 4096,
      vocab_size: 256_000,
    },
  },
};

describe.each(Object.entries(PUBLISHED))('%s', (_, { parameters, json }) => {
  test('has as many parameters as its file', () => {
    expect(parameterCount(parseModelConfig(json))).toBe(parameters);
  });
});

describe('config.json', () => {
  const json = (name: string): Record<string, unknown> => PUBLISHED[name]?.json ?? {};

  test('of an architecture that is not known is refused with those that are', () => {
    const refused = (): unknown => parseModelConfig({ ...json('gpt2'), architectures: ['MambaForCausalLM'] });
    for (const name of ARCHITECTURES) expect(refused).toThrow(name);
    expect(refused).toThrow(/MambaForCausalLM/);
  });

  test('without architectures is known by its model_type', () => {
    const named = { ...json('opt-125m'), architectures: undefined, model_type: 'opt' };
    expect(parseModelConfig(named).architecture).toBe('OPTForCausalLM');
  });

  test.each([
    ['opt-125m', { do_layer_norm_before: false }, /behind the blocks/],
    ['opt-125m', { word_embed_proj_dim: 512 }, /512/],
    ['gpt2', { activation_function: 'mish' }, /mish/],
    ['Llama-3.2-1B', { rope_scaling: { rope_type: 'longrope', factor: 2 } }, /longrope/],
    ['Llama-3.2-1B', { rope_scaling: { rope_type: 'llama3', factor: 2 } }, /low_freq_factor/],
    ['Qwen2.5-0.5B', { hidden_size: undefined }, /hidden_size/],
    ['pythia-70m', { rotary_pct: 0.1 }, /6 dimensions/],
    ['gemma-3-270m', { head_dim: 512 }, /head_dim 512/],
  ])('%s with %j is refused by name', (name, change, sentence) => {
    expect(() => parseModelConfig({ ...json(name), ...change })).toThrow(sentence);
  });

  test('of Gemma 2 caps what it does not speak of; of Mistral every layer is local, unless the window is null', () => {
    const { attention_softcap, final_softcap, layers } = parseModelConfig(json('gemma-2-2b'));
    expect([attention_softcap, final_softcap]).toEqual([50, 30]);
    expect(layers.map(({ window }) => window)).toEqual(layers.map((_, l) => (l % 2 ? 0 : 4096)));
    const windows = (change: object): number[] => [
      ...new Set(parseModelConfig({ ...json('Mistral-7B-v0.1'), ...change }).layers.map((l) => l.window)),
    ];
    expect(windows({})).toEqual([4096]);
    expect(windows({ sliding_window: null })).toEqual([0]);
  });

  test('of Gemma 3 says which layers see a window, and what turns them, in every spelling', () => {
    const numbered = parseModelConfig(json('gemma-3-270m'));
    const windows = numbered.layers.map(({ window }) => window);
    expect(windows).toEqual(windows.map((_, l) => ((l + 1) % 6 ? 512 : 0)));
    expect(numbered.layers.map(({ rope }) => numbered.ropes[rope]?.theta)).toEqual(
      windows.map((window) => (window ? 10_000 : 1_000_000)),
    );
    const listed = parseModelConfig({
      ...json('gemma-3-270m'),
      _sliding_window_pattern: undefined,
      rope_theta: undefined,
      rope_local_base_freq: undefined,
      layer_types: windows.map((window) => (window ? 'sliding_attention' : 'full_attention')),
      rope_parameters: {
        full_attention: { rope_type: 'default', rope_theta: 1_000_000 },
        sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
      },
    });
    expect(listed).toEqual(numbered);
  });
});
