import { compareRuns } from '../evaluate/compare';
import { openDataset, refuseEmpty } from '../data/open';
import type { Dataset } from '../data/dataset';
import { LabError } from '../errors';
import type { Gpu } from '../gpu/device';
import { checkKernels, wrongKernels } from '../kernels/check_kernels';
import { blobSource } from '../model/byte_source';
import { inModelFolder, type ModelFiles } from '../model/folder';
import { openAnyFolder, trainable, whyNotTrained, type AnyModel } from '../model/onnx_folder';
import { readZip } from '../model/zip_source';
import type { NumericsRecord } from '../runs/run';
import { exportRun, importRun } from '../runs/run_zip';
import { newRunId } from '../runs/run_names';
import { recipes } from '../recipes';
import { checkNumerics, type Numerics } from '../recipes/check_numerics';
import { evaluation } from '../recipes/evaluation';
import { tokenizerOf } from '../recipes/prompt_tokens';
import type { Recipe, RecipeInfo } from '../recipes/recipe';
import { VERSION } from '../version';
import { Asking } from './asking';
import { Bundled } from './bundled';
import { estimate } from './estimate';
import { exportModel } from './export_model';
import { loadOnnxRuntime } from './onnx';
import { summarize } from './preview';
import { HubModels } from './hub_models';
import type {
  Capability,
  Catalogue,
  Command,
  DatasetSummary,
  Event,
  FileData,
  FileRef,
  ModelSummary,
  Replies,
  ZipContents,
} from './protocol';
import { Runner } from './runner';
import { RunStore } from './run_store';
import { openTunedGpu } from './tuned_gpu';

/** How long the check on opening the page may take; the self-check page runs every case. */
const CHECK_BUDGET_MS = 3000;

type Reply = Replies[Command['type']];

/** A dataset as it was read by default, and the file itself: a run may read it otherwise (keep_annotations). */
interface OpenFile {
  file: [name: string, bytes: Uint8Array];
  dataset: Dataset;
}

/**
 * The lab's engine behind the protocol: what a page asks for, answered one promise a command. Open files, models and the
 * GPU live here; runs go on whether or not anyone listens.
 */
export class Engine {
  private readonly bundled: Bundled;
  private readonly store = new RunStore((id) => this.runner.isLive(id));
  private readonly runner: Runner;
  private readonly asking: Asking;
  private readonly hub: HubModels;
  private readonly datasets = new Map<string, OpenFile>();
  private readonly models = new Map<string, AnyModel>();
  private gpu: Promise<Gpu> | undefined;
  private handles = 0;
  private numerics: NumericsRecord | undefined;

  constructor(base: URL, post: (event: Event) => void) {
    this.bundled = new Bundled(base);
    this.hub = new HubModels(post, () => this.openGpu());
    this.runner = new Runner({
      post,
      store: this.store,
      bundled: this.bundled,
      openGpu: () => this.openGpu(),
      dataset: (handle, options) => openDataset(...this.file(handle), options),
      model: (handle) => this.openedModel(handle),
      numerics: () => this.numerics,
    });
    this.asking = new Asking({
      post,
      store: this.store,
      openGpu: () => this.openGpu(),
      model: (handle) => this.openedModel(handle),
      isRunning: () => this.runner.isRunning,
    });
  }

  /** Errors: whatever the command met, typed. */
  async answer(command: Command): Promise<Reply> {
    switch (command.type) {
      case 'catalogue':
        return this.catalogue();
      case 'capability':
        return this.capability();
      case 'open_dataset':
        return this.openDataset(command.file.name, new Uint8Array(command.file.bytes));
      case 'open_bundled_dataset':
        return this.openDataset(...(await this.bundled.problemFile(command.id, command.split)));
      case 'preview_dataset':
        return summarize(
          command.handle,
          this.dataset(command.handle),
          command.model === null
            ? undefined
            : tokenizerOf(this.openedModel(command.model), { chat_template: command.chat }),
        );
      case 'open_bundled_model':
        return this.openModel(await this.bundled.model(command.id));
      case 'open_model_folder':
        return this.openModel(await openAnyFolder(command.name, filesByName(command.files)));
      case 'open_zip':
        return this.openZip(command.name, command.file);
      case 'look_up_model':
        return this.hub.look(command.hub);
      case 'download_model':
        return this.hub.download(command.hub);
      case 'pause_download':
        this.hub.pause(command.folder);
        return null;
      case 'list_models':
        return this.hub.list();
      case 'open_stored_model':
        return this.openModel(await this.hub.open(command.folder));
      case 'delete_model':
        await this.hub.remove(command.folder);
        return null;
      case 'check_numerics':
        return this.checkNumerics(command.model, command.dataset);
      case 'estimate':
        return estimate(
          await this.openGpu(),
          this.openedModel(command.run.model),
          this.dataset(command.run.dataset),
          command.run.evalDataset === null ? null : this.dataset(command.run.evalDataset),
          command.run,
        );
      case 'try_prompt':
        return this.asking.ask(command.ask, command.respondent, command.prompt);
      case 'stop_prompt':
        this.asking.stop(command.ask);
        return null;
      case 'start':
        await this.asking.end();
        return { run: await this.runner.start(command.run) };
      case 'demo':
        await this.asking.end();
        return { runs: await this.runner.demo(command.model, command.overrides) };
      case 'pause':
        this.runner.control(command.run).pause();
        return null;
      case 'resume':
        this.runner.control(command.run).resume();
        return null;
      case 'stop':
        this.runner.stop(command.run);
        return null;
      case 'list_runs':
        return this.store.list();
      case 'load_run':
        return this.store.load(command.run);
      case 'rename_run':
        return this.store.rename(command.run, command.name);
      case 'delete_run':
        if (this.runner.isLive(command.run))
          throw new LabError('bad_input', 'This run is going on. Stop it, then delete it.');
        if (this.runner.isNeeded(command.run)) {
          throw new LabError(
            'bad_input',
            'The run that is going on started from this one. Let it end first.',
          );
        }
        await this.store.remove(command.run);
        return null;
      case 'export_run':
        return this.exportRun(command.run);
      case 'export_model':
        return exportModel(await this.store.folder(command.run), command.format);
      case 'import_run':
        return this.importRun(command.file);
      case 'compare':
        return compareRuns(new Map(command.a.correct), new Map(command.b.correct), {
          a: command.a.name,
          b: command.b.name,
        });
    }
  }

  /** Kept for the runs that start after it. */
  private async checkNumerics(model: string, dataset: string | null): Promise<Numerics> {
    await this.asking.end();
    const problems = dataset === null ? [] : this.dataset(dataset).problems;
    const opened = trainable(this.openedModel(model));
    const numerics = await checkNumerics(await this.openGpu(), opened, problems, loadOnnxRuntime);
    this.numerics = numerics.record;
    return numerics;
  }

  private async catalogue(): Promise<Catalogue> {
    const [models, problems] = await Promise.all([this.bundled.models(), this.bundled.problems()]);
    return { recipes: [...recipes.map(infoOf), evaluation], models, problems, version: VERSION };
  }

  private async capability(): Promise<Capability> {
    try {
      const gpu = await this.openGpu();
      const check = await checkKernels(gpu, CHECK_BUDGET_MS);
      const refusal = check.ok
        ? null
        : `This GPU computes some kernels wrongly (${wrongKernels(check).join(', ')}). ` +
          'Update the graphics driver or try another browser; results from here could not be trusted.';
      return { adapter: gpu.facts, check, refusal };
    } catch (error) {
      if (error instanceof LabError && error.code === 'unsupported')
        return { adapter: null, check: null, refusal: error.message };
      throw error;
    }
  }

  /** One device for everything, opened anew after it was lost. */
  private async openGpu(): Promise<Gpu> {
    this.gpu ??= openTunedGpu(navigator.gpu).then((gpu) => {
      void gpu.lost.then(() => (this.gpu = undefined));
      return gpu;
    });
    try {
      return await this.gpu;
    } catch (error) {
      this.gpu = undefined;
      throw error;
    }
  }

  private async openDataset(name: string, bytes: Uint8Array): Promise<DatasetSummary> {
    const dataset = await openDataset(name, bytes);
    const nothing = refuseEmpty(dataset);
    // A file of bad rows only is shown with its problems; running it is refused later.
    if (nothing && !dataset.bad.length) throw nothing;
    const handle = `dataset-${++this.handles}`;
    this.datasets.set(handle, { file: [name, bytes], dataset });
    return summarize(handle, dataset, undefined);
  }

  private openModel(model: AnyModel): ModelSummary {
    const handle = `model-${++this.handles}`;
    this.models.set(handle, model);
    const { config, name } = model;
    const isOnnx = 'graph' in model;
    const external = isOnnx ? model.external.reduce((sum, { data }) => sum + data.length, 0) : 0;
    return {
      handle,
      name,
      architecture: config.architecture,
      parameters: isOnnx ? 0 : model.parameters,
      hidden_size: config.hidden_size,
      layers: config.num_hidden_layers,
      context: config.max_position_embeddings,
      vocabulary: config.vocab_size,
      bytes: isOnnx ? model.graph.length + external : 4 * model.parameters,
      origin: model.origin ?? null,
      chat: model.tokenizer.chat !== undefined,
      untrainable: isOnnx ? whyNotTrained(name) : null,
    };
  }

  private open(handle: string): OpenFile {
    const open = this.datasets.get(handle);
    if (!open) throw new LabError('bad_input', 'That dataset is not open any more. Choose it again.');
    return open;
  }

  private dataset(handle: string): Dataset {
    return this.open(handle).dataset;
  }

  private file(handle: string): OpenFile['file'] {
    return this.open(handle).file;
  }

  private openedModel(handle: string): AnyModel {
    const model = this.models.get(handle);
    if (!model) throw new LabError('bad_input', 'That model is not open any more. Choose it again.');
    return model;
  }

  private async exportRun(id: string): Promise<FileData> {
    const folder = await this.store.folder(id);
    const bytes = await exportRun(folder);
    return { name: `${id}.zip`, bytes: bytes.buffer as ArrayBuffer };
  }

  private async openZip(name: string, file: Blob): Promise<ZipContents> {
    const entries = await readZip(blobSource(file, name));
    if (entries.some((entry) => /^([^/]+\/)?run\.json$/.test(entry.name))) {
      return { kind: 'run', record: await this.importRun({ name, bytes: await file.arrayBuffer() }) };
    }
    return { kind: 'model', model: this.openModel(await this.hub.openZip(name, file)) };
  }

  private async importRun({ bytes }: FileData): Promise<Replies['import_run']> {
    const taken = new Set((await this.store.list()).map(({ id }) => id));
    return importRun(
      new Uint8Array(bytes),
      (record) => this.store.create(record.id),
      (record) => (taken.has(record.id) ? { ...record, id: newRunId(new Date()) } : record),
    );
  }
}

/** A recipe as data: everything but its run function, which cannot cross to the page. */
function infoOf({ id, label, paper, help, fields, presets, metrics }: Recipe): RecipeInfo {
  return { id, label, paper, help, fields, presets, metrics };
}

function filesByName(files: readonly FileRef[]): ModelFiles {
  return inModelFolder(new Map(files.map(({ name, file }) => [name, blobSource(file, name)])));
}
