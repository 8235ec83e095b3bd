import type { Dataset } from '../data/dataset';
import { LabError } from '../errors';
import { adapterName, type Gpu } from '../gpu/device';
import type { LoadedModel } from '../model/folder';
import { trainable, type AnyModel } from '../model/onnx_folder';
import { recipes } from '../recipes';
import { RunControl } from '../recipes/control';
import { evaluation, runEvaluation } from '../recipes/evaluation';
import type { Recipe, RecipeInfo } from '../recipes/recipe';
import { readCheckpoint, runSession, type InitCheckpoint, type Session } from '../recipes/session';
import { resolveConfig } from '../recipes/settings';
import type { Config, NumericsRecord, RunRecord } from '../runs/run';
import { newRunId, nextRunName } from '../runs/run_names';
import { VERSION } from '../version';
import { openAsked } from './asked';
import type { Bundled } from './bundled';
import { onnxReference } from './onnx';
import { browserProgramRunner } from './program_runner';
import type { Event, RunInit, StartRun } from './protocol';
import { runEvents } from './run_events';
import type { RunStore } from './run_store';

export interface RunnerOptions {
  post: (event: Event) => void;
  store: RunStore;
  bundled: Bundled;
  openGpu: () => Promise<Gpu>;
  /** Reads an open file again, with a run's own options. */
  dataset: (handle: string, options: { keep_annotations: boolean }) => Promise<Dataset>;
  model: (handle: string) => AnyModel;
  /** The last numerics check. */
  numerics: () => NumericsRecord | undefined;
}

interface Launch {
  recipe: Recipe;
  preset: string;
  config: Config;
  model: LoadedModel;
  dataset: Dataset;
  evalDataset: Dataset | null;
  init: InitCheckpoint | null;
  name: string;
}

/** What every run is given, whatever it does. */
type Ground = Pick<
  Session,
  'gpu' | 'id' | 'folder' | 'control' | 'listener' | 'versions' | 'programs' | 'numerics'
>;

interface Launched {
  id: string;
  /** Resolves as soon as its folder exists. */
  started: Promise<void>;
  finished: Promise<RunRecord | undefined>;
}

/** Starts runs, one at a time, and holds the controls of the one that is going. */
export class Runner {
  /** `from`: the run whose checkpoint it started from. */
  private live: { id: string; control: RunControl; from: string | undefined } | undefined;
  /** Set while a demo has a second run to come. */
  private demoStopped = false;
  private readonly programs = browserProgramRunner();

  constructor(private readonly options: RunnerOptions) {}

  get isRunning(): boolean {
    return this.live !== undefined;
  }

  isLive(id: string): boolean {
    return this.live?.id === id;
  }

  /** Whether a run that is going on still reads this one's checkpoint. */
  isNeeded(id: string): boolean {
    return this.live?.from === id;
  }

  /** Errors: `bad_input` when that run is not going on. */
  control(id: string): RunControl {
    if (this.live?.id !== id) throw new LabError('bad_input', 'This run is not going on.');
    return this.live.control;
  }

  stop(id: string): void {
    this.control(id).stop();
    this.demoStopped = true;
  }

  /** Starts a run and resolves with its id as soon as its folder exists. Errors: what forbids it, in a sentence. */
  async start(run: StartRun): Promise<string> {
    if (run.recipe === evaluation.id) return this.startEvaluation(run);
    const recipe = recipeOf(run.recipe);
    const config = resolveConfig(recipe, undefined, run.config);
    const options = { keep_annotations: config['keep_annotations'] === true };
    const { started, id } = this.train({
      recipe,
      preset: run.preset,
      config,
      model: trainable(this.options.model(run.model)),
      dataset: await this.options.dataset(run.dataset, options),
      evalDataset: run.evalDataset === null ? null : await this.options.dataset(run.evalDataset, options),
      init: await this.init(run.init),
      name: run.name ?? (await this.nextName(recipe)),
    });
    await started;
    return id;
  }

  /**
   * SFT, then ReFT from the checkpoint SFT kept at the end of the warm-up, on bundled model and problems. A software
   * adapter gets the short preset. Resolves with both ids once the first is going; a second that cannot start is told as
   * trouble.
   */
  async demo(wanted: string | null, overrides: Config): Promise<string[]> {
    const { bundled, openGpu } = this.options;
    const { isSoftware } = (await openGpu()).facts;
    const id = wanted ?? (isSoftware ? 'nano' : 'mini');
    const preset = isSoftware ? 'quick' : 'demo';
    const level = bundled.levelOf(id);
    const [model, dataset, evalDataset] = await Promise.all([
      bundled.model(id),
      bundled.dataset(level, 'train'),
      bundled.dataset(level, 'test'),
    ]);
    const sft = recipeOf('sft');
    const reft = recipeOf('reft');
    const common = { preset, model, dataset, evalDataset };
    const first = this.train({
      ...common,
      recipe: sft,
      config: resolveConfig(sft, preset, known(sft, overrides)),
      init: null,
      name: await this.nextName(sft),
    });
    this.demoStopped = false;
    const second = newRunId(new Date(Date.now() + 1000));
    await first.started;
    void first.finished.then(async (record) => {
      if (record?.status !== 'done' || this.demoStopped) return;
      const init = await this.warmup(record);
      const config = resolveConfig(reft, preset, { ...known(reft, overrides), warmup_epochs: 0 });
      const { started } = this.train(
        { ...common, recipe: reft, config, init, name: await this.nextName(reft) },
        second,
      );
      await started;
    });
    return [first.id, second];
  }

  /** The checkpoint a finished SFT run kept at the end of the warm-up. */
  private async warmup(record: RunRecord): Promise<InitCheckpoint> {
    const folder = await this.options.store.folder(record.id);
    const checkpoint = record.events.find(({ kind }) => kind === 'warmup_end')?.step ?? record.step;
    return {
      run: record.id,
      checkpoint: String(checkpoint),
      files: await readCheckpoint(folder, String(checkpoint)),
    };
  }

  /** Asks a model every problem of a file; nothing is trained. */
  private async startEvaluation(run: StartRun): Promise<string> {
    const config = resolveConfig(evaluation, undefined, run.config);
    const options = { keep_annotations: config['keep_annotations'] === true };
    const dataset = await this.options.dataset(run.dataset, options);
    const model = this.options.model(run.model);
    const name = run.name ?? (await this.nextName(evaluation));
    const { started, id } = this.launch((ground) =>
      runEvaluation({
        ...ground,
        model,
        open: (context, sequences) => openAsked(ground.gpu, model, context, sequences),
        preset: run.preset,
        config,
        dataset,
        name,
      }),
    );
    await started;
    return id;
  }

  private train(launch: Launch, id?: string): Launched {
    return this.launch(
      (ground) => runSession({ ...launch, ...ground, audit: false, makeOnnxReference: onnxReference }),
      id,
      launch.init?.run,
    );
  }

  private launch(
    session: (ground: Ground) => Promise<RunRecord>,
    id = newRunId(new Date()),
    from?: string,
  ): Launched {
    if (this.live)
      throw new LabError('bad_input', 'Another run is going on. Stop it or let it finish first.');
    const control = new RunControl();
    this.live = { id, control, from };
    const events = runEvents(id, this.options.post);
    let begun: () => void = () => undefined;
    const created = new Promise<void>((resolve) => (begun = resolve));
    const run = (async () => {
      try {
        const gpu = await this.options.openGpu();
        const numerics = this.options.numerics();
        return await session({
          gpu,
          numerics: numerics?.adapter === adapterName(gpu.facts) ? numerics : undefined,
          id,
          folder: await this.options.store.create(id),
          control,
          listener: {
            ...events.listener,
            status: (record) => {
              // The run is over before anyone hears of it, so that the next one can start at once.
              if (record.finished !== undefined) this.live = undefined;
              events.listener.status?.(record);
              begun();
            },
          },
          versions: { lab: VERSION, userAgent: navigator.userAgent },
          programs: this.programs,
        });
      } finally {
        this.live = undefined;
        events.close();
      }
    })();
    const failed = run.then(() => undefined);
    const finished = run.catch(async () => {
      await this.options.store.remove(id).catch(() => undefined);
      return undefined;
    });
    return { id, started: Promise.race([created, failed]), finished };
  }

  private async init(init: RunInit): Promise<InitCheckpoint | null> {
    if (init.kind === 'model') return null;
    const folder = await this.options.store.folder(init.run);
    return {
      run: init.run,
      checkpoint: init.checkpoint,
      files: await readCheckpoint(folder, init.checkpoint),
    };
  }

  private async nextName(recipe: RecipeInfo): Promise<string> {
    const taken = (await this.options.store.list()).map(({ name }) => name);
    return nextRunName(recipe.label, taken);
  }
}

function recipeOf(id: string): Recipe {
  const recipe = recipes.find((candidate) => candidate.id === id);
  if (!recipe) throw new LabError('bad_input', `There is no recipe "${id}".`);
  return recipe;
}

/** The overrides a recipe has a field for: a demo's settings are given once for both of its recipes. */
function known(recipe: Recipe, overrides: Config): Config {
  return Object.fromEntries(
    Object.entries(overrides).filter(([name]) => recipe.fields.some((field) => field.name === name)),
  );
}
