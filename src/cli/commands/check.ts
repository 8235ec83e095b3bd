import { LabError } from '../../errors';
import { checkNumerics, type Numerics } from '../../recipes/check_numerics';
import type { Command } from '../command';
import { openData } from '../data_file';
import { openCliGpu } from '../gpu';
import { openModel } from '../model_dir';
import { loadNodeOnnxRuntime } from '../node_onnx';
import { duration } from '../progress';
import { table } from '../table';

/** `reft-lab check`: whether this GPU computes right. */
export const check: Command = {
  name: 'check',
  summary: 'Check that this GPU computes right: kernels, and a model against onnxruntime-web.',
  usage: '--model DIR [--data FILE] [--json]',
  options: {
    model: {
      value: 'DIR',
      required: true,
      help: 'A Hugging Face folder, a run, owner/name of the Hub, or a bundled model: nano.',
    },
    data: { value: 'FILE', help: 'Problems whose prompts are used; or a bundled level: easy/test.' },
  },
  details: `
Each kernel runs once beside its f64 reference. The model continues a few prompts, and its logits at every position are
compared with those of onnxruntime-web on the model's ONNX export: max |Δlogit|, KL, and the log-probabilities of what was
generated. A GPU that computes wrongly ends the command with exit code 1. With --json, "record" is what run.json of a run on the page
keeps of the check before it.`,
  async run(args, io) {
    const { model } = await openModel(args.text('model'), io);
    const path = args.maybe('data');
    const problems = path === undefined ? [] : (await openData(path, io)).problems;
    const gpu = await openCliGpu(io);
    const numerics = await checkNumerics(gpu, model, problems, () => loadNodeOnnxRuntime(gpu));
    io.result(numerics, report(numerics));
    if (!numerics.ok) throw new LabError('unsupported', numerics.sentence);
  },
};

function report({ kernels, forward, sentence, record }: Numerics): string {
  const rows = kernels.families.map(({ kernel, ok, share }) => [
    kernel,
    ok ? 'right' : 'WRONG',
    Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : '–',
  ]);
  const kernelTable = table([['kernel', 'verdict', 'of its tolerance'], ...rows]);
  const lines = [
    kernelTable,
    '',
    `kernels: ${record.kernels_passed} of ${record.kernels} right, ${duration(kernels.milliseconds / 1000)}`,
  ];
  if (forward) {
    const { positions, max_delta_logit, max_logit, max_kl, max_delta_logp, milliseconds } = forward;
    lines.push(
      `forward: ${positions} positions, max |Δlogit| ${max_delta_logit.toExponential(2)} (largest |logit| ${max_logit.toFixed(1)}), ` +
        `KL at most ${max_kl.toExponential(2)}, generated log-probs within ${max_delta_logp.toExponential(2)}, ${duration(milliseconds / 1000)}`,
    );
  }
  lines.push(`on ${record.adapter}, with ${record.model}, ${record.checked}`);
  return [...lines, '', sentence].join('\n');
}
