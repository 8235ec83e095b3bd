/** Settings as the form sees them: what a preset says, what was changed, what is out of range. Pure. */
import type { Config, RunRecord, SettingValue } from '../../runs/run';
import type { Field, RecipeInfo } from '../../worker/protocol';

/** Every field's value: its default, the preset's over it, the edits over both. */
export function resolveConfig(recipe: RecipeInfo, presetId: string, edits: Config): Config {
  const config: Config = {};
  for (const field of recipe.fields) config[field.name] = field.default;
  const preset = recipe.presets.find((candidate) => candidate.id === presetId);
  return { ...config, ...preset?.values, ...edits };
}

/** Names of the fields whose value differs from the preset's. */
export function changedFields(recipe: RecipeInfo, presetId: string, config: Config): string[] {
  const base = resolveConfig(recipe, presetId, {});
  return recipe.fields.map((field) => field.name).filter((name) => config[name] !== base[name]);
}

/** "learning_rate 3e-4, seed 2" – what a run's record changed from its preset; "preset as it is" when nothing. */
export function whatChanged(record: RunRecord, recipe: RecipeInfo | undefined): string[] {
  if (!recipe?.presets.some((preset) => preset.id === record.preset)) return [];
  return changedFields(recipe, record.preset, {
    ...resolveConfig(recipe, record.preset, {}),
    ...record.config,
  });
}

/** What a typed text means for a field: a number where one is meant and can be read, else the text itself. */
export function parseSetting(field: Field, text: string): SettingValue {
  if (['choice', 'boolean', 'text'].includes(field.kind)) return text;
  const trimmed = text.trim().replace(',', '.');
  const value = trimmed === '' ? NaN : Number(trimmed);
  return Number.isFinite(value) ? value : text;
}

/** Why a value cannot stand in a field, as a sentence; null when it can. */
export function fieldProblem(field: Field, value: SettingValue | undefined): string | null {
  switch (field.kind) {
    case 'boolean':
      return typeof value === 'boolean' ? null : `${field.label} is on or off.`;
    case 'choice':
      return field.choices?.includes(String(value))
        ? null
        : `${field.label} is one of ${field.choices?.join(', ')}.`;
    case 'text':
      return String(value ?? '').trim() ? null : `${field.label} must not be empty.`;
    case 'integer':
    case 'number':
      return numberProblem(field, value);
  }
}

function numberProblem(field: Field, value: SettingValue | undefined): string | null {
  if (typeof value !== 'number' || !Number.isFinite(value)) return `${field.label} must be a number.`;
  if (field.kind === 'integer' && !Number.isInteger(value)) return `${field.label} must be a whole number.`;
  if (field.min !== undefined && value < field.min) return `${field.label} must be at least ${field.min}.`;
  if (field.max !== undefined && value > field.max) return `${field.label} must be at most ${field.max}.`;
  return null;
}

export interface SettingDifference {
  name: string;
  /** One value a run, in the order given; undefined where a run's recipe has no such setting. */
  values: (SettingValue | undefined)[];
  /** Every run has the setting; else it belongs to one recipe alone. */
  shared: boolean;
}

/** Settings in which runs differ, data, model and start included. */
export function settingDifferences(records: readonly RunRecord[]): SettingDifference[] {
  const all = records.map((record): Record<string, SettingValue | undefined> => ({
    recipe: record.recipe,
    preset: record.preset,
    model: record.model.name,
    dataset: record.dataset.name,
    'starts from': record.init_from ? `checkpoint ${record.init_from.checkpoint}` : 'model',
    adapter: record.adapter,
    ...record.config,
  }));
  const names = [...new Set(all.flatMap((config) => Object.keys(config)))];
  return names
    .map((name) => {
      const values = all.map((config) => config[name]);
      return { name, values, shared: values.every((value) => value !== undefined) };
    })
    .filter(({ values }) => values.some((value) => value !== values[0]));
}
