import { describe, expect, test } from 'vitest';
import { testNumbers } from '../kernels/case_numbers';
import {
  ADAPTER_CONFIG,
  ADAPTER_WEIGHTS,
  adapterFiles,
  adapterJson,
  loraNames,
  loraScale,
  readAdapter,
  targetedModules,
} from './peft';
import { writeSafetensors, type NamedTensor } from './safetensors';

const CONFIG = { rank: 3, alpha: 6, rslora: false, modules: ['model.layers.0.self_attn.q_proj'] };
const [RANK, INP, OUT] = [3, 8, 12];

function tensors(module = CONFIG.modules[0] ?? ''): Map<string, NamedTensor> {
  const { a, b } = loraNames(module);
  return new Map([
    [b, { shape: [OUT, RANK], data: testNumbers(OUT * RANK, 2) }],
    [a, { shape: [RANK, INP], data: testNumbers(RANK * INP, 1) }],
  ]);
}

const files = (changes: Record<string, unknown> = {}, named = tensors()): Record<string, Uint8Array> =>
  adapterFiles({
    tensors: named,
    json: { ...adapterJson(CONFIG, ['q_proj'], { id: 'base' }, false), ...changes },
  });

describe('a PEFT folder', () => {
  test('is written and read bit for bit, and again to the same bytes', () => {
    const written = files();
    const adapter = readAdapter(written);
    expect(adapter.config).toEqual(CONFIG);
    expect([...adapter.tensors.keys()]).toEqual([
      'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight',
      'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight',
    ]);
    for (const [name, tensor] of tensors()) expect(adapter.tensors.get(name)).toEqual(tensor);
    expect(adapterFiles(adapter)).toEqual(written);
  });

  test('keeps what it does not understand of its configuration', () => {
    const adapter = readAdapter(files({ revision: 'abc', target_modules: '.*q_proj' }));
    const again = JSON.parse(new TextDecoder().decode(adapterFiles(adapter)[ADAPTER_CONFIG])) as object;
    expect(again).toMatchObject({ revision: 'abc', target_modules: '.*q_proj', r: RANK });
  });

  test.each([
    ['another kind', { peft_type: 'IA3' }, /peft_type "IA3"/],
    ['DoRA', { use_dora: true }, /use_dora true/],
    ['trained biases', { bias: 'all' }, /bias "all"/],
    ['a variant of LoRA', { alora_invocation_tokens: [1, 2] }, /alora_invocation_tokens \[1,2\]/],
    ['ranks by layer', { rank_pattern: { q_proj: 4 } }, /rank_pattern/],
    ['whole modules', { modules_to_save: ['lm_head'] }, /modules_to_save/],
    ['no rank', { r: 0 }, /r is 0/],
    ['another rank than its tensors', { r: 4 }, /lora_A\.weight has shape \[3, 8\].*r = 4/],
  ])('of %s is refused in a sentence', (_, changes, sentence) => {
    expect(() => readAdapter(files(changes))).toThrow(sentence);
  });

  test('that lacks a file, a matrix or knows another is refused in a sentence', () => {
    const whole = files();
    const without = (name: string) =>
      Object.fromEntries(Object.entries(whole).filter(([file]) => file !== name));
    expect(() => readAdapter(without(ADAPTER_CONFIG))).toThrow(
      /no adapter_config\.json \(found: adapter_model/,
    );
    expect(() => readAdapter(without(ADAPTER_WEIGHTS))).toThrow(/no adapter_model\.safetensors/);
    expect(() => readAdapter({ ...whole, [ADAPTER_CONFIG]: new TextEncoder().encode('null') })).toThrow(
      /adapter_config\.json is null where an object is needed/,
    );
    const half = tensors();
    half.delete(loraNames(CONFIG.modules[0] ?? '').b);
    expect(() => readAdapter(files({}, half))).toThrow(/and no .*lora_B\.weight/);
    const strange = new Map([
      ['base_model.model.embed.lora_embedding_A', { shape: [1], data: new Float32Array(1) }],
    ]);
    const named = { ...whole, [ADAPTER_WEIGHTS]: writeSafetensors(strange) };
    expect(() => readAdapter(named)).toThrow(/lora_embedding_A, which the lab does not compute/);
  });
});

describe('target modules', () => {
  const known = ['l.0.attn.q_proj', 'l.0.attn.v_proj', 'l.1.attn.q_proj', 'l.1.mlp.up_proj'];

  test('are ends of names, whole names or all-linear, in the order of the model', () => {
    expect(targetedModules(['v_proj', 'q_proj'], known)).toEqual(known.slice(0, 3));
    expect(targetedModules(['l.1.attn.q_proj'], known)).toEqual(['l.1.attn.q_proj']);
    expect(targetedModules(['attn.q_proj'], known)).toEqual([known[0], known[2]]);
    expect(targetedModules(['all-linear'], known)).toEqual(known);
  });

  test('that no module has are named, with what there is', () => {
    expect(() => targetedModules(['q_proj', 'c_attn'], known)).toThrow(
      /no module c_attn\. It has q_proj, v_proj, up_proj; all-linear/,
    );
    // The end of a name is a whole part of it.
    expect(() => targetedModules(['proj'], known)).toThrow(/no module proj/);
  });
});

test('the scale is alpha / r, or alpha / √r', () => {
  expect(loraScale({ rank: 4, alpha: 16, rslora: false })).toBe(4);
  expect(loraScale({ rank: 4, alpha: 16, rslora: true })).toBe(8);
});
