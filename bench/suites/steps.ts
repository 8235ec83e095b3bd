import { sftObjective } from '../../src/kernels/objectives';
import { Policy } from '../../src/model/policy';
import { capacityFor } from '../../src/recipes/plan_run';
import type { Figure } from '../figure';
import { bundledIds, openBundled, type BundledId } from '../model';
import type { BenchContext, Suite } from '../suite';
import { timeWall } from '../timing';

const BATCH = 32;
const NEW_TOKENS = 48;

/** Whole training steps, scoring and generation of the bundled models. */
export const steps: Suite = async (context) => {
  for (const id of bundledIds(context)) await benchModel(context, id);
};

async function benchModel({ gpu, read, report }: BenchContext, id: BundledId): Promise<void> {
  const { model, sequences, prompts } = await openBundled(read, id, BATCH);
  const context = Math.max(
    ...sequences.map(({ tokens }) => tokens.length),
    ...prompts.map(({ tokens }) => tokens.length + NEW_TOKENS),
  );
  const policy = new Policy(gpu, model.config, model.tensors, capacityFor(model.config, context, BATCH), {
    trainable: true,
    reference: false,
  });
  const figure = (name: string, value: number, unit: string, samples: number): Figure => ({
    name: `steps/${id}/${name}`,
    value,
    unit,
    samples,
  });
  const tokens = sequences.reduce((sum, s) => sum + s.tokens.length, 0);
  const M = sequences.reduce((sum, s) => sum + s.tokens.length - s.promptLength, 0);
  const constants = sequences.map((s) =>
    Float32Array.from({ length: (s.tokens.length - s.promptLength) * 8 }, (_, i) => (i % 8 ? 0 : 1 / M)),
  );
  const settings = { learning_rate: 0, weight_decay: 0, max_grad_norm: 1 };
  const train = await timeWall(() => policy.train(sequences, sftObjective, constants, {}, settings));
  report(figure('train_step', train.milliseconds, 'ms', train.samples));
  report(figure('train', (tokens / train.milliseconds) * 1000, 'tokens/s', train.samples));
  const score = await timeWall(() => policy.score(sequences));
  report(figure('score', (tokens / score.milliseconds) * 1000, 'tokens/s', score.samples));
  // No EOS, so that every completion has the same length.
  const sampling = { temperature: 1, top_k: 0, top_p: 1, max_new_tokens: NEW_TOKENS, seed: 0, eos: [] };
  for (const batch of [1, BATCH]) {
    const some = prompts.slice(0, batch);
    const { milliseconds, samples } = await timeWall(() => policy.generate(some, sampling));
    report(figure(`generate_b${batch}`, ((batch * NEW_TOKENS) / milliseconds) * 1000, 'tokens/s', samples));
  }
  const bytes = Object.values(policy.bytes).reduce((sum, part) => sum + part, 0);
  report(figure('gpu_bytes_planned', bytes / 2 ** 20, 'MiB', 1));
  policy.destroy();
}
