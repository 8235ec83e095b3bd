import { parseArgs, type ParseArgsConfig } from 'node:util';
import { LabError } from '../errors';
import type { SettingValue } from '../runs/run';
import type { Io } from './io';

/** One option of a command. Without `value` it is a switch. */
export interface CommandOption {
  /** What stands for the value in the help: FILE, DIR, KEY=VALUE. */
  value?: string;
  help: string;
  required?: boolean;
  multiple?: boolean;
}

/** A command of `reft-lab`: what its help says and what it does. */
export interface Command {
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** What comes after the command's name: "--data FILE --out DIR [options]". */
  usage: string;
  options: Record<string, CommandOption>;
  /** Names of the arguments without a `--`, all required: ["FILE"]. */
  positionals?: readonly string[];
  /** More lines of help: row formats, examples. */
  details?: string;
  run: (args: Args, io: Io) => Promise<void>;
}

/** A mistake in how the command was called: its sentence is followed by where help is, and the exit code is 2. */
export class UsageError extends LabError {
  constructor(message: string) {
    super('bad_input', message);
    this.name = 'UsageError';
  }
}

/** Options every command has. */
export const COMMON_OPTIONS: Record<string, CommandOption> = {
  json: { help: 'Print the result as JSON, for scripts (an error as {"error": {"code", "message"}}).' },
  help: { help: 'Show this help.' },
};

/** The arguments of one call, by the command's own options. */
export class Args {
  constructor(
    private readonly values: Record<string, string | boolean | string[]>,
    private readonly positionals: readonly string[],
  ) {}

  flag(name: string): boolean {
    return this.values[name] === true;
  }

  /** A required option's value. */
  text(name: string): string {
    const value = this.maybe(name);
    if (value === undefined) throw new UsageError(`--${name} is missing.`);
    return value;
  }

  maybe(name: string): string | undefined {
    const value = this.values[name];
    return typeof value === 'string' ? value : undefined;
  }

  positional(index: number): string {
    const value = this.positionals[index];
    if (value === undefined) throw new UsageError('An argument is missing.');
    return value;
  }

  /** Every `--set key=value`; the last of a key wins. */
  settings(): Record<string, SettingValue> {
    const values = this.values.set;
    return parseSettings(Array.isArray(values) ? values : []);
  }
}

/**
 * Reads a command's arguments. Errors: `UsageError` naming an option that is unknown, missing or without its value, and
 * too many or too few other arguments.
 */
export function parseCommandArgs(command: Command, argv: readonly string[]): Args {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const [name, option] of Object.entries({ ...command.options, ...COMMON_OPTIONS })) {
    options[name] = { type: option.value ? 'string' : 'boolean', multiple: option.multiple ?? false };
  }
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    const sentence = (error instanceof Error ? error.message : String(error)).split('. ')[0] ?? '';
    throw new UsageError(`${sentence.replace(/\.?$/, '')}.`);
  }
  const { values, positionals } = parsed;
  if (values.help !== true) {
    for (const [name, option] of Object.entries(command.options)) {
      if (option.required && values[name] === undefined) throw new UsageError(`--${name} is missing.`);
    }
    const names = command.positionals ?? [];
    if (positionals.length < names.length) throw new UsageError(`${names[positionals.length]} is missing.`);
    if (positionals.length > names.length) {
      throw new UsageError(`"${positionals[names.length]}" is one argument too many.`);
    }
  }
  return new Args(values as Record<string, string | boolean | string[]>, positionals);
}

/**
 * `key=value` texts as settings: true and false become booleans, numbers numbers, the rest stays text.
 * Errors: `UsageError` for one without a key or an equals sign.
 */
export function parseSettings(texts: readonly string[]): Record<string, SettingValue> {
  const settings: Record<string, SettingValue> = {};
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`--set takes key=value, not "${text}".`);
    settings[text.slice(0, at)] = settingValue(text.slice(at + 1));
  }
  return settings;
}

function settingValue(text: string): SettingValue {
  if (text === 'true') return true;
  if (text === 'false') return false;
  const number = Number(text);
  return text.trim() !== '' && Number.isFinite(number) ? number : text;
}
