import { LabError, toLabError } from '../errors';
import { wilson } from '../evaluate/interval';
import { adapterName, type Gpu } from '../gpu/device';
import type { Dataset } from '../data/dataset';
import type { AskedModel } from '../model/asked';
import type { AnyModel } from '../model/onnx_folder';
import type { Config, EvaluationRecord, NumericsRecord, RunFolder, RunRecord } from '../runs/run';
import { RunRecorder, type RunListener } from '../runs/run_recorder';
import { gradeAll } from '../tasks/grade';
import { asPrograms, samplingPromptOf, targetOf } from '../tasks/prompt';
import type { Problem, ProgramRunner } from '../tasks/task';
import { encodePrompt } from '../text/prompt';
import { RunStopped, type RunControl } from './control';
import { runFields } from './fields';
import { evaluateHeldOut } from './held_out';
import { commonMetrics } from './metrics';
import { tokenizerOf } from './prompt_tokens';
import type { RecipeInfo } from './recipe';
import { Settings } from './settings';

const FIELDS = ['max_eval_samples', 'max_new_tokens', 'extraction', 'keep_annotations', 'chat_template'];

/** Nothing is trained: any model is asked every problem once, so that it can be compared with what a run made. */
export const evaluation: RecipeInfo = {
  id: 'evaluate',
  label: 'Evaluate',
  paper: 'Greedy accuracy with its 95 % Wilson interval.',
  help: 'Asks the model every problem once and trains nothing. A model in ONNX can be evaluated too.',
  fields: runFields.filter(({ name }) => FIELDS.includes(name)),
  presets: [{ id: 'all', label: 'All problems', source: 'This lab', values: {} }],
  metrics: commonMetrics,
};

/** Problems asked together: between two lots a person can pause or stop. */
const LOT = 64;
const DEFAULT_NEW_TOKENS = 256;
const ROOM_FOR_NEW_TOKENS = 1.25;

/** Everything an evaluation needs; what differs between models and machines is passed in. */
export interface EvaluationSession {
  gpu: Gpu;
  model: AnyModel;
  /** The model on the GPU, with room for so many sequences of so many tokens. */
  open: (context: number, sequences: number) => Promise<AskedModel>;
  preset: string;
  config: Config;
  dataset: Dataset;
  id: string;
  name: string;
  folder: RunFolder;
  control: RunControl;
  listener: RunListener;
  versions: Record<string, string>;
  programs: ProgramRunner | undefined;
  /** The last numerics check on this adapter. */
  numerics?: NumericsRecord | undefined;
}

/**
 * Asks a model every problem of a file, greedily, and keeps completions and accuracy as a run, as `runSession` keeps one.
 * Errors: `bad_input` when every prompt is longer than the model's context.
 */
export async function runEvaluation(session: EvaluationSession): Promise<RunRecord> {
  const { control, gpu } = session;
  const model = { ...session.model, tokenizer: tokenizerOf(session.model, session.config) };
  const { problems, newTokens, left } = plan({ ...session, model });
  const config = { ...session.config, max_new_tokens: newTokens };
  const recorder = await RunRecorder.create({
    folder: session.folder,
    record: newRecord(session, config, problems.length, await model.hash()),
    metricKeys: evaluation.metrics.map(({ key }) => key),
    listener: session.listener,
    idle: () => gpu.busy.idle,
  });
  control.onPause = (paused) => recorder.setStatus(paused ? 'paused' : 'running');
  let asked: AskedModel | undefined;
  try {
    await recorder.setStatus('running');
    if (left) await recorder.event({ step: 0, kind: 'note', text: left });
    asked = await session.open(contextOf(problems, newTokens, model), problems.length);
    const context = {
      policy: asked,
      tokenizer: model.tokenizer,
      config,
      grade: (items: Parameters<typeof gradeAll>[0], options: Parameters<typeof gradeAll>[1]) =>
        recorder.grading(() => gradeAll(items, options, session.programs)),
    };
    let [done, correct] = [0, 0];
    while (done < problems.length) {
      await control.checkpointPause();
      recorder.progress(done, problems.length, 'evaluate');
      const lot = problems.slice(done, done + LOT);
      const { rows } = await evaluateHeldOut(context, lot, 'test', 0);
      await recorder.completions(rows);
      done += lot.length;
      correct += rows.filter((row) => row.correct).length;
    }
    recorder.progress(done, done, 'evaluate');
    const record: EvaluationRecord = { step: 0, split: 'test', n: done, correct, ...wilson(correct, done) };
    await recorder.evaluation(record, false);
    await recorder.settled();
    return await recorder.finish('done');
  } catch (thrown) {
    if (thrown instanceof RunStopped) return await recorder.finish('stopped');
    return await recorder.finish('failed', toLabError(thrown));
  } finally {
    asked?.destroy();
  }
}

/** How many sequences of how many tokens an evaluation needs room for. Errors: `bad_input` when no problem fits. */
export function askedRoom(
  model: EvaluationSession['model'],
  dataset: Dataset,
  config: Config,
): { context: number; sequences: number } {
  const asking = { ...model, tokenizer: tokenizerOf(model, config) };
  const { problems, newTokens } = plan({ model: asking, dataset, config });
  return { context: contextOf(problems, newTokens, asking), sequences: problems.length };
}

/** Which problems are asked, and how long an answer may be. Errors: `bad_input` when none fits. */
function plan({ dataset, model, config }: Pick<EvaluationSession, 'dataset' | 'model' | 'config'>): {
  problems: Problem[];
  newTokens: number;
  left: string | null;
} {
  const settings = new Settings(config);
  const all = dataset.problems.some(({ program }) => program === true)
    ? asPrograms(dataset.problems)
    : dataset.problems;
  const limit = model.config.max_position_embeddings;
  const length = (problem: Problem): number =>
    encodePrompt(model.tokenizer, samplingPromptOf(problem)).length;
  const asked = all.slice(0, settings.number('max_eval_samples') || all.length);
  const problems = asked.filter((problem) => length(problem) < limit);
  const what = `longer than the context of ${limit} tokens of ${model.name}`;
  if (!problems.length) {
    throw new LabError('bad_input', `Every prompt is ${what}. Choose a model with a longer context.`);
  }
  const longest = dataset.problems.reduce((most, problem) => {
    const target = targetOf(problem);
    return target === null ? most : Math.max(most, model.tokenizer.encode(target).length);
  }, 0);
  const left = asked.length - problems.length;
  return {
    problems,
    newTokens:
      settings.number('max_new_tokens') || Math.ceil(longest * ROOM_FOR_NEW_TOKENS) || DEFAULT_NEW_TOKENS,
    left: left ? `${left} of ${asked.length} problems are ${what} and are left out.` : null,
  };
}

function contextOf(
  problems: readonly Problem[],
  newTokens: number,
  model: EvaluationSession['model'],
): number {
  const longest = problems.reduce(
    (most, problem) => Math.max(most, encodePrompt(model.tokenizer, samplingPromptOf(problem)).length),
    1,
  );
  return Math.min(model.config.max_position_embeddings, longest + newTokens);
}

function newRecord(session: EvaluationSession, config: Config, asked: number, weights: string): RunRecord {
  const { dataset, model } = session;
  const { name, hash, format, task } = dataset;
  return {
    format: 1,
    id: session.id,
    name: session.name,
    recipe: evaluation.id,
    preset: session.preset,
    config,
    seed: 0,
    status: 'loading',
    created: new Date().toISOString(),
    step: 0,
    total_steps: asked,
    model: {
      name: model.name,
      hash: weights,
      architecture: model.config.architecture,
      parameters: 'parameters' in model ? model.parameters : 0,
      ...(model.origin ? { origin: model.origin } : {}),
    },
    dataset: { name, hash, format, task, train: 0, validation: 0 },
    eval_dataset: { name, hash, problems: asked },
    adapter: adapterName(session.gpu.facts),
    choices: { ...session.gpu.choices },
    versions: session.versions,
    ...(session.numerics ? { numerics: session.numerics } : {}),
    events: [],
    seconds: {},
  };
}
