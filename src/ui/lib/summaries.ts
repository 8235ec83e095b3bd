/** Each step of the rail in one line, for when it is folded. Pure. */
import type { Catalogue } from '../../worker/protocol';
import { changedFields } from './config';
import { formatCount, formatShort, plural } from './format';
import { configOf, presetOf, recipeOf, type SetupState } from '../stores/setup';

export function dataSummary({ dataset }: SetupState): string {
  if (!dataset) return 'nothing chosen';
  const bad = dataset.bad.length > 0 ? `, ${formatCount(dataset.bad.length)} bad` : '';
  return `${dataset.name}, ${plural(dataset.usable, 'problem')}${bad}`;
}

export function modelSummary({ model, modelChoice }: SetupState, catalogue: Catalogue | null): string {
  if (model?.untrainable) return `${model.name}, ONNX, to be asked`;
  if (model) return `${model.name}, ${formatShort(model.parameters)} parameters`;
  const bundled = catalogue?.models.find((candidate) => candidate.id === modelChoice);
  return bundled ? `${bundled.label}, ${formatShort(bundled.parameters)} parameters` : 'nothing chosen';
}

export function recipeSummary(state: SetupState, catalogue: Catalogue | null): string {
  const recipe = catalogue?.recipes.find((candidate) => candidate.id === recipeOf(state));
  if (!recipe) return '';
  const presetId = presetOf(state, recipe.id);
  const preset = recipe.presets.find((candidate) => candidate.id === presetId);
  const changed = changedFields(recipe, presetId, configOf(state)).length;
  return `${recipe.label}, ${preset?.label ?? 'defaults'}${changed > 0 ? `, ${changed} changed` : ''}`;
}

export function runSummary({ name, init, evaluation }: SetupState): string {
  const from = init.kind === 'model' ? 'from the model' : 'from a checkpoint';
  const parts = [name.trim(), from, evaluation ? `tested on ${evaluation.name}` : ''];
  return parts.filter((part) => part !== '').join(', ');
}
