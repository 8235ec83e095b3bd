import { toLabError } from '../errors';
import { VERSION } from '../version';
import { parseCommandArgs, UsageError, type Command } from './command';
import { COMMANDS } from './commands';
import { commandHelp, generalHelp } from './help';
import { interruptSignal, Stopped, STOPPED_EXIT_CODE } from './interrupt';
import { Io } from './io';

/**
 * Runs `reft-lab` with these arguments and gives its exit code: 0 only when it did what was asked, 1 when it failed, 2
 * when it was called wrongly, 130 when it was stopped.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === '--version') {
    process.stdout.write(`${VERSION}\n`);
    return 0;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command) return runCommand(command, rest);
  const help = generalHelp(COMMANDS);
  if (name === '--help' || name === 'help' || name === '-h') {
    process.stdout.write(`${help}\n`);
    return 0;
  }
  process.stderr.write(name === undefined ? `${help}\n` : `There is no command "${name}".\n\n${help}\n`);
  return 2;
}

async function runCommand(command: Command, argv: readonly string[]): Promise<number> {
  const json = argv.includes('--json');
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const interrupt = interruptSignal(say);
  try {
    const args = parseCommandArgs(command, argv);
    if (args.flag('help')) {
      process.stdout.write(`${commandHelp(command)}\n`);
      return 0;
    }
    await command.run(args, new Io(json, interrupt.signal));
    return 0;
  } catch (error) {
    if (error instanceof Stopped) {
      say(json ? JSON.stringify({ error: { code: 'stopped', message: error.message } }) : error.message);
      return STOPPED_EXIT_CODE;
    }
    const { code, message } = toLabError(error);
    const isUsage = error instanceof UsageError;
    const hint = isUsage ? ` See reft-lab ${command.name} --help.` : '';
    if (json) say(JSON.stringify({ error: { code, message: message + hint } }));
    else say(`${message}${hint}`);
    if (code === 'bug' && !json && error instanceof Error) say(error.stack ?? '');
    return isUsage ? 2 : 1;
  } finally {
    interrupt.release();
  }
}
