/** The steps of setting up that ask the engine: opening files and models, the estimate, starting. */
import { LabError } from '../../errors';
import type { Config } from '../../runs/run';
import type { ModelSummary } from '../../worker/protocol';
import { pathOf, routeFiles } from '../lib/files';
import { engine, useEngine } from './engine';
import { dismissAll, report } from './notices';
import { checkBeforeRun, checkNumerics } from './numerics';
import { showRun } from './runs';
import {
  configOf,
  EVALUATE,
  presetOf,
  recipeOf,
  startRunOf,
  useSetup,
  type SetupState,
  type Split,
} from './setup';
import { setTab } from './view';

/** Does one thing that takes a while, saying what; a fault is shown and everything made before is kept. */
async function working(what: string, action: () => Promise<void>): Promise<void> {
  useSetup.setState({ busy: what });
  try {
    await action();
  } catch (error) {
    report(error);
  } finally {
    useSetup.setState({ busy: null });
  }
}

/** Opens what was dropped, picked or pasted, by what it is: runs, a model folder, or a dataset. */
export async function openFiles(files: readonly File[]): Promise<void> {
  const route = routeFiles(files);
  switch (route.kind) {
    case 'zips':
      for (const file of route.files) await openZip(file);
      return;
    case 'model':
      return openModelFolder(route.files);
    case 'dataset':
      return openDataset(route.file);
    case 'nothing':
      report(new LabError('bad_input', route.reason));
  }
}

/** Opens a dataset file and unfolds its preview. A file that cannot be read leaves what was open before. */
export async function openDataset(file: File): Promise<void> {
  await working(`Reading ${file.name}`, async () => {
    const bytes = await file.arrayBuffer();
    const dataset = await engine().request('open_dataset', { file: { name: file.name, bytes } });
    useSetup.setState({
      dataset,
      bundled: null,
      leaveOut: false,
      previewOpen: true,
      estimate: null,
      open: 'data',
    });
    await showTokens();
  });
}

export async function openBundledDataset(id: string, split: Split = 'train'): Promise<void> {
  const before = useSetup.getState().bundled;
  useSetup.setState({ bundled: id });
  await working('Opening the bundled problems', async () => {
    try {
      const dataset = await engine().request('open_bundled_dataset', { id, split });
      useSetup.setState({ dataset, leaveOut: false, previewOpen: true, estimate: null });
    } catch (error) {
      useSetup.setState({ bundled: before });
      throw error;
    }
    await showTokens();
  });
}

export async function openEvaluationFile(file: File): Promise<void> {
  await working(`Reading ${file.name}`, async () => {
    const bytes = await file.arrayBuffer();
    const evaluation = await engine().request('open_dataset', { file: { name: file.name, bytes } });
    useSetup.setState({ evaluation });
  });
}

export async function openBundledEvaluation(id: string): Promise<void> {
  await working('Opening the bundled problems', async () => {
    const evaluation = await engine().request('open_bundled_dataset', { id, split: 'test' });
    useSetup.setState({ evaluation });
  });
}

export function clearEvaluation(): void {
  useSetup.setState({ evaluation: null });
}

/**
 * Chooses the bundled model that suits this machine, without fetching it unless data waits for its tokens: the smallest
 * where the processor stands in for a GPU, else the largest. A choice already made stands.
 */
export async function chooseDefaultModel(): Promise<void> {
  const { catalogue, capability } = useEngine.getState();
  const bySize = [...(catalogue?.models ?? [])].sort((a, b) => a.parameters - b.parameters);
  const { model, modelChoice } = useSetup.getState();
  if (model !== null || modelChoice !== null) return;
  const suited = (capability?.adapter?.isSoftware ?? true) ? bySize[0] : bySize.at(-1);
  if (suited) await chooseModel(suited.id);
}

/** Chooses a bundled model; it is opened at once when data waits to be shown in its tokens. */
export async function chooseModel(id: string): Promise<void> {
  useSetup.setState({ modelChoice: id, model: null, estimate: null });
  if (useSetup.getState().dataset) await working('Opening the model', showTokens);
}

export async function openModelFolder(files: readonly File[]): Promise<void> {
  const folder = pathOf(files[0]).split('/').slice(0, -1)[0] ?? 'model';
  const named = files.map((file) => ({ name: pathOf(file), file }));
  await takeModel(`Opening ${folder}`, () =>
    engine().request('open_model_folder', { name: folder, files: named }),
  );
}

/** Opens a .zip by what is in it: an exported run, or a model. */
async function openZip(file: File): Promise<void> {
  await working(`Opening ${file.name}`, async () => {
    const contents = await engine().request('open_zip', { name: file.name, file });
    if (contents.kind === 'run') showRun(contents.record);
    else await choose(contents.model);
  });
}

/** Opens a model by `open` and chooses it, saying so meanwhile. A fault leaves what was chosen before. */
export async function takeModel(what: string, open: () => Promise<ModelSummary>): Promise<void> {
  await working(what, async () => choose(await open()));
}

async function choose(model: ModelSummary): Promise<void> {
  const recipe = model.untrainable === null ? {} : { recipe: EVALUATE };
  useSetup.setState({ model, modelChoice: null, open: 'model', estimate: null, ...recipe });
  await previewWith(model.handle);
}

/** Opens the chosen model if need be; null when none is chosen or this machine cannot run one. */
export async function openChosenModel(): Promise<string | null> {
  const { model, modelChoice } = useSetup.getState();
  if (model) return model.handle;
  if (modelChoice === null || useEngine.getState().capability?.refusal) return null;
  const opened = await engine().request('open_bundled_model', { id: modelChoice });
  if (useSetup.getState().modelChoice !== modelChoice) return null;
  useSetup.setState({ model: opened });
  return opened.handle;
}

/** The preview again, now with the exact tokens of the chosen model. */
async function showTokens(): Promise<void> {
  const model = await openChosenModel();
  if (model !== null) await previewWith(model);
}

async function previewWith(model: string): Promise<void> {
  const state = useSetup.getState();
  const { dataset: open } = state;
  if (!open) return;
  const chat = configOf(state).chat_template === true;
  const dataset = await engine().request('preview_dataset', { handle: open.handle, model, chat });
  if (useSetup.getState().dataset?.handle === open.handle) useSetup.setState({ dataset });
}

/** Starts the run that is set up. */
export async function startRun(): Promise<void> {
  await working('Starting', async () => {
    dismissAll();
    const model = await openChosenModel();
    if (model !== null && !useSetup.getState().model?.untrainable) await checkBeforeRun(model);
    const run = startRunOf(useSetup.getState());
    if (!run) throw new LabError('bad_input', 'Choose problems and a model first.');
    await engine().request('start', { run });
    useSetup.setState({ previewOpen: false, name: '' });
    setTab('watch');
  });
}

/** Checks the chosen model on this GPU, now. */
export async function checkModel(): Promise<void> {
  await working('Checking the numerics', async () => {
    const model = await openChosenModel();
    if (model !== null) await checkNumerics(model);
  });
}

/** SFT, then ReFT from its warm-up, on the bundled model and problems. */
export async function startDemo(options: { model: string | null; overrides: Config }): Promise<void> {
  await working('Starting the demo', async () => {
    dismissAll();
    await engine().request('demo', options);
    useSetup.setState({ previewOpen: false });
    setTab('watch');
  });
}

/** Shows the preview in other tokens when the settings change how a prompt is written. */
export function followPreview(): () => void {
  return useSetup.subscribe((state, before) => {
    if (state.model === null || state.model !== before.model || state.edits === before.edits) return;
    if (configOf(state).chat_template === configOf(before).chat_template) return;
    previewWith(state.model.handle).catch(report);
  });
}

const ESTIMATE_AFTER_MS = 300;

/** Keeps the estimate of memory true to the settings, asking once they have stood still for a moment. */
export function followEstimate(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked = 0;
  const ask = async (state: SetupState) => {
    const run = startRunOf(state);
    if (!run) return;
    const number = ++asked;
    try {
      const estimate = await engine().request('estimate', { run });
      if (number === asked) useSetup.setState({ estimate });
    } catch {
      // A setting out of range has no estimate; the field and the Start button say what is wrong.
      if (number === asked) useSetup.setState({ estimate: null });
    }
  };
  return useSetup.subscribe((state, before) => {
    if (sameRun(state, before)) return;
    clearTimeout(timer);
    timer = setTimeout(() => void ask(useSetup.getState()), ESTIMATE_AFTER_MS);
  });
}

function sameRun(a: SetupState, b: SetupState): boolean {
  const recipe = recipeOf(a);
  return (
    a.dataset?.handle === b.dataset?.handle &&
    a.dataset?.lengths === b.dataset?.lengths &&
    a.model === b.model &&
    a.evaluation === b.evaluation &&
    recipe === recipeOf(b) &&
    presetOf(a, recipe) === presetOf(b, recipe) &&
    a.edits[recipe] === b.edits[recipe]
  );
}
