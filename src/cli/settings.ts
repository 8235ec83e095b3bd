import type { SettingValue } from '../runs/run';
import { UsageError } from './command';

/** A setting of a command that trains nothing (training has its recipe's own fields). */
export interface Setting<T extends SettingValue> {
  default: T;
  help: string;
  choices?: readonly T[];
  min?: number;
  max?: number;
  integer?: boolean;
}

type Values<S> = { [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/**
 * The command's settings with `--set` laid over their defaults.
 * Errors: `UsageError` for a key the command does not have, a value of another kind, not among the choices or out of range.
 */
export function resolveSettings<S extends Record<string, Setting<SettingValue>>>(
  settings: S,
  given: Record<string, SettingValue>,
): Values<S> {
  const values: Record<string, SettingValue> = {};
  for (const [key, setting] of Object.entries(settings)) values[key] = setting.default;
  for (const [key, value] of Object.entries(given)) {
    const setting = Object.hasOwn(settings, key) ? settings[key] : undefined;
    if (!setting) {
      throw new UsageError(
        `There is no setting "${key}" here. There are ${Object.keys(settings).join(', ')}.`,
      );
    }
    values[key] = checked(key, value, setting);
  }
  return values as Values<S>;
}

function checked(key: string, value: SettingValue, setting: Setting<SettingValue>): SettingValue {
  const { choices, min = -Infinity, max = Infinity, integer = false } = setting;
  if (choices && !choices.includes(value)) {
    throw new UsageError(`${key} is one of ${choices.join(', ')}, not "${String(value)}".`);
  }
  if (typeof value !== typeof setting.default) {
    const kinds = { number: 'a number', boolean: 'true or false', string: 'text' };
    throw new UsageError(
      `${key} is ${kinds[typeof setting.default as keyof typeof kinds]}, not "${String(value)}".`,
    );
  }
  if (typeof value === 'number' && (value < min || value > max || (integer && !Number.isInteger(value)))) {
    const range = max === Infinity ? `at least ${min}` : `between ${min} and ${max}`;
    throw new UsageError(`${key} is ${integer ? 'a whole number ' : ''}${range}, not ${value}.`);
  }
  return value;
}

/** The settings as lines of a command's help. */
export function settingsHelp(settings: Record<string, Setting<SettingValue>>): string {
  const lines = Object.entries(settings).map(([key, { default: value, help, choices }]) => {
    const among = choices ? ` One of ${choices.join(', ')}.` : '';
    return `  ${`${key}=${String(value)}`.padEnd(28)} ${help}${among}`;
  });
  return ['Settings (--set), with their defaults:', ...lines].join('\n');
}
