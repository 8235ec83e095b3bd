import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadNodeOnnxRuntime } from '../cli/node_onnx';
import { packageRoot } from '../cli/files';
import { adapterName, type Gpu } from '../gpu/device';
import { openTestGpu } from '../gpu/testing';
import { openModelFolder, type LoadedModel } from '../model/folder';
import type { Problem } from '../tasks/task';
import { checkNumerics, type Numerics } from './check_numerics';

const PROBLEMS = [
  'Tom has 4 pens and buys 5 more. How many pens does he have?',
  'How many legs has a cat?',
].map((question, i): Problem => ({ id: String(i), task: 'gsm8k', question, answer: '9' }));

async function nano(): Promise<LoadedModel> {
  const folder = join(packageRoot(), 'public/models/nano');
  const names = ['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json'];
  const files = [...names, 'model.safetensors'].map((name) => [
    name,
    new Uint8Array(readFileSync(join(folder, name))),
  ]);
  return openModelFolder('nano', Object.fromEntries(files) as Record<string, Uint8Array>);
}

// Every kernel and onnxruntime's are compiled, which takes a software adapter on a busy machine minutes.
describe('the numerics check of a GPU', { timeout: 400_000 }, () => {
  let gpu: Gpu;
  beforeEach(async () => {
    gpu = await openTestGpu({ defaultLimits: true });
  });
  afterEach(() => gpu.close());

  async function check(): Promise<Numerics> {
    const model = await nano();
    return checkNumerics(gpu, model, PROBLEMS, () => loadNodeOnnxRuntime(gpu));
  }

  /** The driver's compiler gets this kernel wrong: what it makes of `right` is `wrong`. onnxruntime's own are untouched. */
  function miscompile(kernel: RegExp, right: string, wrong: string): void {
    const { device } = gpu;
    const compile = device.createShaderModule.bind(device);
    let wronged = 0;
    device.createShaderModule = (descriptor) => {
      if (!kernel.test(descriptor.label ?? '')) return compile(descriptor);
      if (!descriptor.code.includes(right)) throw new Error(`${descriptor.label} has no "${right}"`);
      wronged += 1;
      return compile({ ...descriptor, code: descriptor.code.replace(right, wrong) });
    };
    afterCheck = () => expect(wronged).toBeGreaterThan(0);
  }
  let afterCheck: () => void = () => undefined;

  test('passes on an adapter that computes right, with figures', async () => {
    const { ok, kernels, forward, sentence, record } = await check();
    expect(record).toMatchObject({
      ok: true,
      model: 'nano',
      adapter: adapterName(gpu.facts),
      max_delta_logit: forward?.max_delta_logit,
      max_kl: forward?.max_kl,
      kernels: kernels.families.length,
      kernels_passed: kernels.families.length,
      verdict: sentence,
    });
    expect(Math.abs(Date.parse(record.checked) - Date.now())).toBeLessThan(600_000);
    expect(sentence).toMatch(/^This GPU computes right: all \d+ kernels agree .* on 2 prompts/);
    expect(ok).toBe(true);
    expect(kernels.families.length).toBeGreaterThan(30);
    expect(forward).toMatchObject({ ok: true, prompts: 2 });
    expect(forward?.positions).toBeGreaterThan(20);
    expect(forward?.max_delta_logit).toBeGreaterThan(0);
    expect(forward?.max_delta_logit).toBeLessThan(1e-3);
    expect(forward?.max_kl).toBeLessThan(1e-8);
  });

  test.each([
    { what: 'a norm', kernel: /^rmsnorm_forward$/, right: 'params.eps', wrong: '(params.eps + 0.05)' },
    {
      what: 'a rotation',
      kernel: /^rope(_append)?$/,
      right: 'a * cosine - b * sine',
      wrong: 'a * cosine + b * sine',
    },
    {
      what: 'the attention of decoding',
      kernel: /^decode_attention(_direct)?$/,
      right: 'exp(peak - new_peak)',
      wrong: 'exp(0.5 * (peak - new_peak))',
    },
  ])('$what made wrong is named, and seen in the forward pass', async ({ kernel, right, wrong }) => {
    miscompile(kernel, right, wrong);
    const { ok, kernels, forward, sentence } = await check();
    afterCheck();
    expect(ok).toBe(false);
    expect(kernels.families.filter((family) => !family.ok).map((family) => family.kernel)).toEqual(
      expect.arrayContaining([expect.stringMatching(kernel)]),
    );
    expect(forward?.ok).toBe(false);
    expect(sentence).toMatch(/computes wrongly: \d+ of \d+ kernels differ .* more than rounding explains/);
  });
});
