import { COMMON_OPTIONS, type Command, type CommandOption } from './command';

const WIDTH = 30;

/** What `reft-lab --help` prints. */
export function generalHelp(commands: readonly Command[]): string {
  const lines = commands.map((command) => `  ${command.name.padEnd(10)}${command.summary}`);
  return [
    'reft-lab: fine-tune a small language model by SFT and ReFT on your own GPU, without a browser.',
    '',
    'Usage: reft-lab COMMAND [options]',
    '',
    ...lines,
    '',
    'reft-lab COMMAND --help says more of each. LAB_ADAPTER=hardware|lavapipe|swiftshader picks the GPU.',
    'Exit codes: 0 done, 1 failed, 2 called wrongly, 130 stopped by Ctrl-C (the run is kept).',
  ].join('\n');
}

/** What `reft-lab COMMAND --help` prints. */
export function commandHelp(command: Command): string {
  const options = Object.entries({ ...command.options, ...COMMON_OPTIONS });
  return [
    `reft-lab ${command.name}: ${command.summary}`,
    '',
    `Usage: reft-lab ${command.name} ${command.usage}`,
    '',
    ...options.map(([name, option]) => optionLine(name, option)),
    ...(command.details ? ['', command.details.trim()] : []),
  ].join('\n');
}

function optionLine(name: string, option: CommandOption): string {
  const left = `  --${name}${option.value ? ` ${option.value}` : ''}`;
  const again = option.multiple ? ' May be given again.' : '';
  return `${left.padEnd(WIDTH)} ${option.help}${again}`;
}
