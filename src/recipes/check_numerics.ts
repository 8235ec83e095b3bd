import { LabError } from '../errors';
import { adapterName, type Gpu } from '../gpu/device';
import { checkKernels, wrongKernels, type KernelCheck } from '../kernels/check_kernels';
import type { LoadedModel } from '../model/folder';
import { compareForward, FORWARD_CHECK_ROOM, type ForwardCheck } from '../model/numerics';
import type { OnnxRuntime } from '../model/onnx_session';
import { samplingPromptOf } from '../tasks/prompt';
import type { NumericsRecord } from '../runs/run';
import type { Problem } from '../tasks/task';
import { encodePrompt } from '../text/prompt';
import { openPolicy } from './open_policy';

/** Whether this GPU computes right: every kernel against its reference, the loaded model against onnxruntime-web. */
export interface Numerics {
  ok: boolean;
  kernels: KernelCheck;
  forward: ForwardCheck | null;
  /** Why the forward pass was not compared. */
  skipped: string | null;
  /** The verdict, for people. */
  sentence: string;
  /** What runs that start after it keep of it. */
  record: NumericsRecord;
}

/** Where there are no problems: text that any tokenizer knows. */
const PROMPTS = [
  'Tom has 4 pens and buys 5 more. How many pens does he have?',
  'A train leaves at 9 and arrives at 12. How long does it take?',
];

/**
 * Checks the GPU on a model and the first few of these problems (prompts of its own without any). What onnxruntime-web cannot open is said
 * in `skipped`, not thrown: the kernels' verdict stands alone then. Errors: `out_of_memory` when the model does not fit.
 */
export async function checkNumerics(
  gpu: Gpu,
  model: Pick<LoadedModel, 'name' | 'config' | 'weights' | 'tokenizer'>,
  problems: readonly Problem[],
  loadRuntime: () => Promise<OnnxRuntime>,
): Promise<Numerics> {
  const texts = problems.slice(0, FORWARD_CHECK_ROOM.sequences).map(samplingPromptOf);
  const prompts = (texts.length ? texts : PROMPTS).map((text) => encodePrompt(model.tokenizer, text));
  const kernels = await checkKernels(gpu);
  let forward: ForwardCheck | null = null;
  let skipped: string | null = null;
  const { sequences, context } = FORWARD_CHECK_ROOM;
  const room = Math.min(context, model.config.max_position_embeddings);
  const policy = await openPolicy(gpu, model, room, sequences);
  try {
    forward = await compareForward(policy, await loadRuntime(), prompts);
  } catch (error) {
    if (!(error instanceof LabError) || !['unsupported', 'bad_input'].includes(error.code)) throw error;
    skipped = error.message;
  } finally {
    policy.destroy();
  }
  const ok = kernels.ok && (forward?.ok ?? true);
  const sentence = verdict(ok, kernels, forward, skipped);
  const record: NumericsRecord = {
    checked: new Date().toISOString(),
    adapter: adapterName(gpu.facts),
    model: model.name,
    ok,
    max_delta_logit: finite(forward?.max_delta_logit),
    max_kl: finite(forward?.max_kl),
    kernels_passed: kernels.families.filter((family) => family.ok).length,
    kernels: kernels.families.length,
    verdict: sentence,
  };
  return { ok, kernels, forward, skipped, sentence, record };
}

/** A number as JSON has it. */
const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

function verdict(
  ok: boolean,
  kernels: KernelCheck,
  forward: ForwardCheck | null,
  skipped: string | null,
): string {
  const wrong = wrongKernels(kernels);
  const count = kernels.families.length;
  const byKernel = wrong.length
    ? `${wrong.length} of ${count} kernels differ from their references (${wrong.join(', ')})`
    : `all ${count} kernels agree with their references`;
  const advice = ok
    ? ''
    : ' Update the graphics driver or try another browser; results from here could not be trusted.';
  return `This GPU computes ${ok ? 'right' : 'wrongly'}: ${byKernel}; ${forwardWords(forward, skipped)}.${advice}`;
}

function forwardWords(forward: ForwardCheck | null, skipped: string | null): string {
  if (!forward)
    return `the model was not compared with onnxruntime-web (${skipped?.replace(/\.$/, '') ?? 'not asked'})`;
  const { prompts, max_delta_logit, max_kl, ok } = forward;
  const what = `on ${prompts} prompts its logits are within ${short(max_delta_logit)} of onnxruntime-web’s, KL at most ${short(max_kl)}`;
  return ok ? what : `${what}: more than rounding explains`;
}

const short = (value: number): string => (Number.isFinite(value) ? value.toExponential(1) : 'no number');
