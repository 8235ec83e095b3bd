import { LabError, toLabError } from '../errors';
import { adapterName, type Gpu } from '../gpu/device';
import type { Dataset } from '../data/dataset';
import { readAll } from '../model/byte_source';
import { openModelWeights, type LoadedModel, type ModelFiles } from '../model/folder';
import { mergedSource } from '../model/lora_merge';
import type { Adapter } from '../model/peft';
import { Policy } from '../model/policy';
import type { ReferencePolicy } from '../model/reference';
import type { TensorSource } from '../model/tensor_source';
import { modelCard } from '../runs/model_card';
import type { Config, MetricRow, NumericsRecord, RunFolder, RunRecord, StoredFile } from '../runs/run';
import { RunRecorder, type RunListener } from '../runs/run_recorder';
import { gradeAll } from '../tasks/grade';
import type { ProgramRunner } from '../tasks/task';
import { checkpointAdapter, checkSame, freshAdapter } from './adapter';
import { RunStopped, type RunControl } from './control';
import type { StartCounters } from './counters';
import { evaluateHeldOut } from './held_out';
import { planRun, type RunPlan } from './plan_run';
import { adapterBeside, progressFiles, wholeModel, type PolicyFiles } from './policy_files';
import { tokenizerOf } from './prompt_tokens';
import type { Recipe } from './recipe';

/** A checkpoint of an earlier run to start from, in place of the model's own weights. */
export interface InitCheckpoint {
  run: string;
  checkpoint: string;
  /** The files of that checkpoint's folder. */
  files: ModelFiles;
}

/** Everything one run needs; what differs between browser and Node is passed in. */
export interface Session {
  gpu: Gpu;
  model: LoadedModel;
  recipe: Recipe;
  preset: string;
  /** Whole and checked: `resolveConfig`. */
  config: Config;
  dataset: Dataset;
  evalDataset: Dataset | null;
  init: InitCheckpoint | null;
  /** An adapter to start from, where `init` brings none. */
  adapter?: Adapter | undefined;
  id: string;
  name: string;
  folder: RunFolder;
  control: RunControl;
  listener: RunListener;
  /** Told what the run will take, before anything is allocated. */
  planned?: (plan: RunPlan) => void;
  /** Record everything needed to recompute each PPO update. */
  audit: boolean;
  versions: Record<string, string>;
  programs: ProgramRunner | undefined;
  /** The last numerics check on this adapter. */
  numerics?: NumericsRecord | undefined;
  /** π_ref on onnxruntime-web; undefined where it cannot run. */
  makeOnnxReference:
    ((policy: Policy, model: LoadedModel, plan: RunPlan) => Promise<ReferencePolicy>) | undefined;
}

/**
 * Runs a recipe from data and model to a finished folder: plan, policy, training, the best checkpoint as model/, the test
 * set at the very end. Resolves with the record whatever happened once the folder exists: a stopped or failed run is
 * kept, with its error inside. Errors: `bad_input` and `out_of_memory` before there is anything to keep.
 */
export async function runSession(session: Session): Promise<RunRecord> {
  const { gpu, model, recipe, control } = session;
  const { problems } = session.dataset;
  const test = session.evalDataset?.problems ?? [];
  const plan = planRun(gpu, model, problems, test, session.config);
  session.planned?.(plan);
  const { policy, files } = await openTrained(session, plan);
  const counters = new CountersWatch();
  try {
    const recorder = await RunRecorder.create({
      folder: session.folder,
      record: newRecord(session, plan, await model.hash()),
      metricKeys: recipe.metrics.map(({ key }) => key),
      listener: { ...session.listener, metrics: (row) => counters.see(row, session.listener) },
      idle: () => gpu.busy.idle,
    });
    recorder.saveWith(async () => ({
      ...(await files.trained()),
      ...progressFiles(policy, counters.last),
    }));
    control.onPause = (paused) => recorder.setStatus(paused ? 'paused' : 'running');
    await recorder.setStatus('running');
    for (const text of plan.notes) await recorder.event({ step: 0, kind: 'note', text });
    const grade: Parameters<Recipe['run']>[0]['grade'] = (items, options) =>
      recorder.grading(() => gradeAll(items, options, session.programs));
    try {
      await recipe.run({
        policy,
        tokenizer: tokenizerOf(model, plan.config),
        makeReference: async (kind) => {
          if (kind !== 'onnx') return policy.freezeReference();
          if (!session.makeOnnxReference) {
            throw new LabError('unsupported', 'onnxruntime-web cannot run here. Set reference to frozen.');
          }
          return session.makeOnnxReference(policy, model, plan);
        },
        train: plan.train,
        validation: plan.validation,
        test: plan.test,
        grade,
        config: plan.config,
        start: session.init ? await startCounters(session.init) : undefined,
        log: recorder,
        checkpointPause: (settle) => control.checkpointPause(settle),
        audit: session.audit,
      });
      await finish(session, policy, files, plan, recorder, grade);
      await recorder.settled();
      return await withCard(session, await recorder.finish('done'));
    } catch (thrown) {
      return await withCard(session, await keep(session, files, recorder, thrown));
    }
  } finally {
    policy.destroy();
  }
}

/** The policy with what it starts from, and how it goes to files. */
async function openTrained(
  session: Session,
  { options, capacity, config }: RunPlan,
): Promise<{ policy: Policy; files: PolicyFiles }> {
  const { gpu, model, init } = session;
  const { lora } = options;
  const start = (init && (await checkpointAdapter(init.files))) ?? session.adapter;
  const own = init ? await withInit(model, init) : model.weights;
  const weights = start && !lora ? mergedSource(own, start, model.config) : own;
  if (start && lora) checkSame(start, lora);
  const policy = await Policy.open(gpu, model.config, weights, capacity, options);
  if (!lora) return { policy, files: wholeModel(policy, model) };
  policy.loadAdapter(start?.tensors ?? freshAdapter(model.config, lora, Number(config['seed'])));
  return { policy, files: adapterBeside(policy, model, weights, lora, config) };
}

type Grading = Parameters<Recipe['run']>[0]['grade'];

/** The best checkpoint by validation becomes model/; the test set is graded with it, once, and chooses nothing. */
async function finish(
  session: Session,
  policy: Policy,
  files: PolicyFiles,
  plan: RunPlan,
  recorder: RunRecorder,
  grade: Grading,
): Promise<void> {
  const { model, folder } = session;
  const { best, step, total_steps } = recorder.record;
  if (best && best.step !== step) {
    await recorder.settled();
    await files.restore(await readCheckpoint(folder, String(best.step)));
  }
  await recorder.results(await files.results());
  if (!plan.test.length) return;
  recorder.progress(step, total_steps, 'evaluate');
  const context = { policy, tokenizer: tokenizerOf(model, plan.config), grade, config: plan.config };
  const { evaluation, rows } = await evaluateHeldOut(context, plan.test, 'test', best?.step ?? step);
  await recorder.completions(rows);
  await recorder.evaluation(evaluation, false);
}

/** A run that ended before its time keeps its best checkpoint, else its last weights, as model/. */
async function keep(
  session: Session,
  files: PolicyFiles,
  recorder: RunRecorder,
  thrown: unknown,
): Promise<RunRecord> {
  const stopped = thrown instanceof RunStopped;
  const error = stopped ? undefined : toLabError(thrown);
  try {
    await recorder.settled().catch(() => undefined);
    const { best, step } = recorder.record;
    if (error?.code !== 'device_lost') await recorder.checkpoint(String(step), { keep: true });
    const kept = best && (error?.code === 'device_lost' || best.step !== step);
    const checkpoint = kept ? await readCheckpoint(session.folder, String(best.step)) : undefined;
    await recorder.results(await files.results(checkpoint));
  } catch {
    // The device is gone or full: what was written before stands, and the first error is the one to tell.
  }
  return recorder.finish(stopped ? 'stopped' : 'failed', error);
}

/** Puts the model card beside the model. One that cannot be written is no fault of the run: an export makes it again. */
async function withCard({ folder }: Session, record: RunRecord): Promise<RunRecord> {
  const card = new TextEncoder().encode(modelCard(record, 'hf'));
  try {
    if (await folder.exists('model/config.json')) await folder.write('model/README.md', card);
  } catch {
    // Said above.
  }
  return record;
}

/** Moments, which a run that starts from here begins anew: twice the model's size, and never read. */
const OPTIMIZER = '/optimizer.safetensors';

/** The files of one checkpoint that a run can start from, to be read by ranges. Errors: `bad_input` when the run has no such checkpoint. */
export async function readCheckpoint(folder: RunFolder, name: string): Promise<Record<string, StoredFile>> {
  const prefix = `checkpoints/${name}/`;
  const paths = (await folder.list()).filter((path) => path.startsWith(prefix) && !path.endsWith(OPTIMIZER));
  if (!paths.length)
    throw new LabError('bad_input', `The run has no checkpoint ${name}. Choose one that it lists.`);
  const files: Record<string, StoredFile> = {};
  for (const path of paths) files[path.slice(prefix.length)] = await folder.open(path);
  return files;
}

/** A checkpoint's weights; of one that has only an adapter, the model's own. */
async function withInit(model: LoadedModel, init: InitCheckpoint): Promise<TensorSource> {
  if (await checkpointAdapter(init.files)) return model.weights;
  const weights = await openModelWeights(init.files);
  for (const name of model.weights.names) {
    // The value head lies in a file of its own; PPO starts a new one.
    if (!weights.shape(name) && !name.startsWith('v_head.')) {
      throw new LabError(
        'bad_input',
        `Checkpoint ${init.checkpoint} of ${init.run} is of another model than ${model.name}.`,
      );
    }
  }
  return weights;
}

async function startCounters({ files }: InitCheckpoint): Promise<StartCounters | undefined> {
  const state = files['state.json'];
  if (!state) return undefined;
  const bytes = state instanceof Uint8Array ? state : await readAll(state);
  return JSON.parse(new TextDecoder().decode(bytes)) as StartCounters;
}

function newRecord(session: Session, plan: RunPlan, hash: string): RunRecord {
  const { dataset, evalDataset, model, init } = session;
  return {
    format: 1,
    id: session.id,
    name: session.name,
    recipe: session.recipe.id,
    preset: session.preset,
    config: plan.config,
    seed: Number(plan.config['seed'] ?? 0),
    status: 'loading',
    created: new Date().toISOString(),
    step: 0,
    total_steps: 0,
    model: {
      name: model.name,
      hash,
      architecture: model.config.architecture,
      parameters: model.parameters,
      ...(model.origin ? { origin: model.origin } : {}),
    },
    ...(init ? { init_from: { run: init.run, checkpoint: init.checkpoint } } : {}),
    dataset: {
      name: dataset.name,
      hash: dataset.hash,
      format: dataset.format,
      task: dataset.task,
      train: plan.train.length,
      validation: plan.validation.length,
    },
    ...(evalDataset
      ? { eval_dataset: { name: evalDataset.name, hash: evalDataset.hash, problems: plan.test.length } }
      : {}),
    adapter: adapterName(session.gpu.facts),
    choices: { ...session.gpu.choices },
    versions: session.versions,
    ...(session.numerics ? { numerics: session.numerics } : {}),
    events: [],
    seconds: {},
  };
}

/** Remembers the last counters logged, so that a checkpoint says what had been counted when it was made. */
class CountersWatch {
  last: StartCounters & { step: number } = {
    step: 0,
    epoch: 0,
    num_tokens: 0,
    tokens_generated: 0,
    seconds: 0,
  };

  see(row: MetricRow, listener: RunListener): void {
    const { epoch = 0, num_tokens = 0, tokens_generated = 0, seconds = 0 } = row.values;
    this.last = { step: row.step, epoch, num_tokens, tokens_generated, seconds };
    listener.metrics?.(row);
  }
}
