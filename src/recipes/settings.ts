import { LabError } from '../errors';
import type { Config, SettingValue } from '../runs/run';
import type { Field, RecipeInfo } from './recipe';

/**
 * A recipe's whole configuration: its defaults, then a preset's values, then overrides (strings as a command line gives
 * them, or values). Errors: `bad_input` for an unknown name, preset or value, saying what is allowed.
 */
export function resolveConfig(
  recipe: RecipeInfo,
  presetId?: string,
  overrides: Readonly<Record<string, SettingValue>> = {},
): Config {
  const config: Config = Object.fromEntries(recipe.fields.map((field) => [field.name, field.default]));
  if (presetId !== undefined) {
    const preset = recipe.presets.find(({ id }) => id === presetId);
    if (!preset) {
      const known = recipe.presets.map(({ id }) => id).join(', ');
      throw new LabError('bad_input', `${recipe.label} has no preset "${presetId}". It has ${known}.`);
    }
    Object.assign(config, preset.values);
  }
  for (const [name, value] of Object.entries(overrides)) {
    const field = recipe.fields.find((candidate) => candidate.name === name);
    if (!field) {
      throw new LabError(
        'bad_input',
        `${recipe.label} has no setting "${name}". It has ${recipe.fields.map((f) => f.name).join(', ')}.`,
      );
    }
    config[name] = parseSetting(field, value);
  }
  return config;
}

function parseSetting(field: Field, value: SettingValue): SettingValue {
  const refuse = (allowed: string): never => {
    throw new LabError('bad_input', `${field.name} cannot be "${value}": it takes ${allowed}.`);
  };
  if (field.kind === 'boolean') {
    if (value === true || value === 'true') return true;
    if (value === false || value === 'false') return false;
    return refuse('true or false');
  }
  if (field.kind === 'choice') {
    const choices = field.choices ?? [];
    return choices.includes(String(value)) ? String(value) : refuse(choices.join(' or '));
  }
  if (field.kind === 'text') return String(value);
  const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
  const { min = -Infinity, max = Infinity } = field;
  if (!Number.isFinite(number) || number < min || number > max)
    return refuse(`a number from ${min} to ${max}`);
  if (field.kind === 'integer' && !Number.isInteger(number))
    return refuse(`a whole number from ${min} to ${max}`);
  return number;
}

/** Typed reading of a configuration. Errors: a wrong kind is a bug of the recipe and throws. */
export class Settings {
  constructor(private readonly config: Config) {}

  number(name: string): number {
    const value = this.config[name];
    if (typeof value !== 'number') throw new Error(`setting ${name} is ${String(value)}, not a number`);
    return value;
  }

  boolean(name: string): boolean {
    const value = this.config[name];
    if (typeof value !== 'boolean') throw new Error(`setting ${name} is ${String(value)}, not true or false`);
    return value;
  }

  text(name: string): string {
    const value = this.config[name];
    if (typeof value !== 'string') throw new Error(`setting ${name} is ${String(value)}, not text`);
    return value;
  }
}
