/** What the next run is made of: data, model, recipe with its settings, name and start. */
import { create } from 'zustand';
import type { Config, SettingValue } from '../../runs/run';
import type { DatasetSummary, Estimate, ModelSummary, RunInit, StartRun } from '../../worker/protocol';
import { fieldProblem, resolveConfig } from '../lib/config';
import { plural } from '../lib/format';
import { useEngine } from './engine';

export type StepId = 'data' | 'model' | 'recipe' | 'run';
export type Split = 'train' | 'validation' | 'test';

/** The recipe that trains nothing: any model can be asked. */
export const EVALUATE = 'evaluate';

export interface SetupState {
  /** Which step of the rail is unfolded. */
  open: StepId | null;
  dataset: DatasetSummary | null;
  /** Set when the dataset is a bundled one. */
  bundled: string | null;
  /** The person agreed to train without the rows that cannot be used. */
  leaveOut: boolean;
  /** Whether the preview of the dataset is unfolded in the centre. */
  previewOpen: boolean;
  evaluation: DatasetSummary | null;
  /** The bundled model chosen; null when a folder of the person's own is. */
  modelChoice: string | null;
  /** The open model; null until it is needed. */
  model: ModelSummary | null;
  recipe: string | null;
  /** The preset chosen, by recipe. */
  presets: Readonly<Record<string, string>>;
  /** What was changed from the preset, by recipe. */
  edits: Readonly<Record<string, Config>>;
  init: RunInit;
  name: string;
  estimate: Estimate | null;
  /** What the page waits for, in words; null when nothing. */
  busy: string | null;
}

export const EMPTY_SETUP: SetupState = {
  open: 'data',
  dataset: null,
  bundled: null,
  leaveOut: false,
  previewOpen: true,
  evaluation: null,
  modelChoice: null,
  model: null,
  recipe: null,
  presets: {},
  edits: {},
  init: { kind: 'model' },
  name: '',
  estimate: null,
  busy: null,
};

export const useSetup = create<SetupState>(() => EMPTY_SETUP);

export function toggleStep(step: StepId): void {
  useSetup.setState(({ open }) => ({ open: open === step ? null : step }));
}

export function setLeaveOut(leaveOut: boolean): void {
  useSetup.setState({ leaveOut });
}

export function setPreviewOpen(previewOpen: boolean): void {
  useSetup.setState({ previewOpen });
}

export function setRecipe(recipe: string): void {
  useSetup.setState({ recipe, init: { kind: 'model' } });
}

/** Takes a preset as it is: what was changed before is dropped. */
export function setPreset(recipe: string, preset: string): void {
  useSetup.setState(({ presets, edits }) => ({
    presets: { ...presets, [recipe]: preset },
    edits: { ...edits, [recipe]: {} },
  }));
}

/** Changes a setting; setting it back to the preset's value is no change. */
export function setField(recipe: string, name: string, value: SettingValue): void {
  const info = useEngine.getState().catalogue?.recipes.find((candidate) => candidate.id === recipe);
  useSetup.setState((state) => {
    const edits: Config = { ...state.edits[recipe], [name]: value };
    if (info && resolveConfig(info, presetOf(state, recipe), {})[name] === value) delete edits[name];
    return { edits: { ...state.edits, [recipe]: edits } };
  });
}

export function setInit(init: RunInit): void {
  useSetup.setState({ init });
}

export function setName(name: string): void {
  useSetup.setState({ name });
}

/** The recipe chosen, the first of the catalogue until one is. */
export function recipeOf(state: SetupState): string {
  return state.recipe ?? useEngine.getState().catalogue?.recipes[0]?.id ?? '';
}

/**
 * The preset chosen for a recipe. Until one is, `demo`, sized for the bundled models, or `quick` where the processor
 * stands in for a GPU; the paper's figures suit a cluster.
 */
export function presetOf(state: SetupState, recipe: string): string {
  const chosen = state.presets[recipe];
  if (chosen !== undefined) return chosen;
  const { catalogue, capability } = useEngine.getState();
  const presets = catalogue?.recipes.find(({ id }) => id === recipe)?.presets ?? [];
  const suited = capability?.adapter?.isSoftware ? 'quick' : 'demo';
  return (presets.find((preset) => preset.id === suited) ?? presets[0])?.id ?? '';
}

/** Every setting of the run being set up, edits included. */
export function configOf(state: SetupState): Config {
  const recipe = recipeOf(state);
  const info = useEngine.getState().catalogue?.recipes.find(({ id }) => id === recipe);
  return info ? resolveConfig(info, presetOf(state, recipe), state.edits[recipe] ?? {}) : {};
}

/** The run as the engine takes it; null while there is no data or no open model. */
export function startRunOf(state: SetupState): StartRun | null {
  if (!state.dataset || !state.model) return null;
  const recipe = recipeOf(state);
  return {
    recipe,
    preset: presetOf(state, recipe),
    config: configOf(state),
    model: state.model.handle,
    dataset: state.dataset.handle,
    evalDataset: state.evaluation?.handle ?? null,
    init: state.init,
    name: state.name.trim() || null,
  };
}

/** What is still missing before a run can start, one sentence each; empty when nothing is. */
export function blockersOf(state: SetupState): string[] {
  const blockers: string[] = [];
  if (!state.dataset) blockers.push('Choose problems to train on.');
  else if (state.dataset.usable === 0) {
    blockers.push(`No row of ${state.dataset.name} can be used.`);
  } else if (state.dataset.bad.length > 0 && !state.leaveOut) {
    blockers.push(
      `Leave out ${plural(state.dataset.bad.length, 'row')} of ${state.dataset.name} first, or mend the file.`,
    );
  }
  const missingCot = withoutReasoning(state);
  if (missingCot !== null) blockers.push(missingCot);
  if (!state.model && state.modelChoice === null) blockers.push('Choose a model.');
  const recipe = recipeOf(state);
  if (state.model?.untrainable && recipe !== EVALUATE) blockers.push(state.model.untrainable);
  const info = useEngine.getState().catalogue?.recipes.find(({ id }) => id === recipe);
  const config = configOf(state);
  for (const field of info?.fields ?? []) {
    const problem = fieldProblem(field, config[field.name]);
    if (problem) blockers.push(problem);
  }
  if (state.estimate && !state.estimate.fits) {
    blockers.push(state.estimate.reason ?? 'This run does not fit in the memory of this GPU.');
  }
  return blockers;
}

/** Why problems without worked solutions cannot serve this run; null when they can or there are some. */
function withoutReasoning(state: SetupState): string | null {
  const { dataset, init } = state;
  if (!dataset || dataset.hasCot || dataset.usable === 0 || recipeOf(state) === EVALUATE) return null;
  const fact = `${dataset.name} has answers but no chain of thought`;
  if (recipeOf(state) === 'sft') {
    return `${fact}, so SFT has no reasoning to learn from. Use it for ReFT or as evaluation file.`;
  }
  if (init.kind === 'checkpoint' || configOf(state).warmup_epochs === 0) return null;
  return `${fact}, so ReFT cannot warm up on it. Start from a checkpoint, or set the warm-up epochs to 0.`;
}
