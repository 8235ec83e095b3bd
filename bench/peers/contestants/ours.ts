/** The lab itself, as its recipes use it: `Policy.train`, `score` and `generate`. */
import { openGpu, type Gpu } from '../../../src/gpu/device';
import { sftObjective } from '../../../src/kernels/objectives';
import { CONSTANTS } from '../../../src/model/activations';
import type { Sequence } from '../../../src/model/batch';
import { Policy } from '../../../src/model/policy';
import { capacityFor } from '../../../src/recipes/plan_run';
import { NEW_TOKENS, type Contestant, type Trial, type WorkId } from '../contest';
import { ADAM, CHECKED_STEPS, seededTokens, seededWeights, trainingWork } from '../decoder';
import { languageWork, promptsOf, type LanguageWork } from '../language';

export const ours: Contestant = async (id, platform) => {
  const gpu = await openGpu(platform.gpu);
  if (id === 'train_step' || id === 'train_step_1m') return training(gpu, id);
  const work = await languageWork(platform);
  return id === 'forward' ? forward(gpu, work) : generation(gpu, work, id);
};

async function training(gpu: Gpu, id: WorkId): Promise<Trial> {
  const work = trainingWork(id);
  const { config, batch: B, length: T } = work;
  // A sequence's first token is its prompt, the other T carry loss: the peers' targets.
  const sequences = seededTokens(work).map((tokens) => ({ tokens, promptLength: 1 }));
  const constants = sequences.map(() =>
    Float32Array.from({ length: T * CONSTANTS }, (_, i) => (i % CONSTANTS ? 0 : 1 / (B * T))),
  );
  const policy = new Policy(gpu, config, seededWeights(config), capacityFor(config, T + 1, B), {
    trainable: true,
    reference: false,
  });
  const settings = { learning_rate: ADAM.learning_rate, weight_decay: 0, max_grad_norm: 0 };
  const step = async (): Promise<number> => {
    const { sums } = await policy.train(sequences, sftObjective, constants, {}, settings);
    return sums[0] ?? Number.NaN;
  };
  const answer: number[] = [];
  for (let i = 0; i < CHECKED_STEPS; i++) answer.push(await step());
  return { answer, run: async () => void (await step()) };
}

/** Log-probs of every token but a row's first: what logits are for. */
async function forward(gpu: Gpu, { model, rows }: LanguageWork): Promise<Trial> {
  const sequences: Sequence[] = rows.map((tokens) => ({ tokens, promptLength: 1 }));
  const capacity = capacityFor(model.config, rows[0]?.length ?? 0, rows.length);
  const policy = await Policy.open(gpu, model.config, model.weights, capacity, {
    trainable: false,
    reference: false,
  });
  const { logp } = await policy.score(sequences);
  return {
    answer: logp.flatMap((row) => [...row]),
    run: async () => void (await policy.score(sequences)),
  };
}

async function generation(gpu: Gpu, work: LanguageWork, id: WorkId): Promise<Trial> {
  const { model } = work;
  const prompts = promptsOf(work, id).map((tokens, i) => ({ id: i, tokens }));
  const context = (prompts[0]?.tokens.length ?? 0) + NEW_TOKENS;
  const policy = await Policy.open(
    gpu,
    model.config,
    model.weights,
    capacityFor(model.config, context, prompts.length),
    {
      trainable: false,
      reference: false,
    },
  );
  const sampling = { temperature: 0, top_k: 0, top_p: 1, max_new_tokens: NEW_TOKENS, seed: 0, eos: [] };
  const complete = async (): Promise<number[]> =>
    (await policy.generate(prompts, sampling)).flatMap(({ tokens }) => tokens);
  return { answer: await complete(), run: async () => void (await complete()) };
}
