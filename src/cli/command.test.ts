import { describe, expect, it } from 'vitest';
import { parseCommandArgs, parseSettings, UsageError, type Command } from './command';
import { duration, ProgressBar, progressLine, secondsLeft } from './progress';
import { resolveSettings } from './settings';

const command: Command = {
  name: 'try',
  summary: '',
  usage: '',
  positionals: ['FILE'],
  options: {
    out: { value: 'DIR', required: true, help: '' },
    set: { value: 'KEY=VALUE', multiple: true, help: '' },
    audit: { help: '' },
  },
  run: async () => undefined,
};

describe('arguments', () => {
  it('are read by the command’s options', () => {
    const args = parseCommandArgs(command, [
      'f.json',
      '--out',
      'd',
      '--set',
      'a=1',
      '--set=b=x=y',
      '--audit',
    ]);
    expect(args.positional(0)).toBe('f.json');
    expect(args.text('out')).toBe('d');
    expect(args.flag('audit')).toBe(true);
    expect(args.flag('json')).toBe(false);
    expect(args.maybe('nothing')).toBeUndefined();
    expect(args.settings()).toEqual({ a: 1, b: 'x=y' });
  });

  it('that are wrong are named', () => {
    const wrong: [string[], string][] = [
      [['f', '--out', 'd', '--nope'], "Unknown option '--nope'."],
      [['f'], '--out is missing.'],
      [['--out', 'd'], 'FILE is missing.'],
      [['f', 'g', '--out', 'd'], '"g" is one argument too many.'],
      [['f', '--out'], "Option '--out <value>' argument missing."],
    ];
    for (const [argv, sentence] of wrong) {
      expect(() => parseCommandArgs(command, argv)).toThrow(new UsageError(sentence));
    }
  });

  it('of --set become numbers, booleans and text', () => {
    expect(parseSettings(['a=0.1', 'b=true', 'c=false', 'd=linear', 'e=-1e-5', 'f=', 'a=2'])).toEqual({
      a: 2,
      b: true,
      c: false,
      d: 'linear',
      e: -1e-5,
      f: '',
    });
    expect(() => parseSettings(['alone'])).toThrow('--set takes key=value, not "alone".');
    expect(() => parseSettings(['=1'])).toThrow(UsageError);
  });
});

describe('settings of a command', () => {
  const settings = {
    temperature: { default: 1, min: 0, max: 10, help: '' },
    count: { default: 4, min: 1, integer: true, help: '' },
    mode: { default: 'strict', choices: ['strict', 'lenient'], help: '' },
    on: { default: true, help: '' },
  };

  it('are laid over their defaults', () => {
    expect(resolveSettings(settings, { temperature: 0, mode: 'lenient' })).toEqual({
      temperature: 0,
      count: 4,
      mode: 'lenient',
      on: true,
    });
  });

  it('are refused with what would be right', () => {
    const wrong: [Record<string, string | number | boolean>, string][] = [
      [{ heat: 1 }, 'There is no setting "heat" here. There are temperature, count, mode, on.'],
      [{ temperature: 11 }, 'temperature is between 0 and 10, not 11.'],
      [{ count: 1.5 }, 'count is a whole number at least 1, not 1.5.'],
      [{ mode: 'loose' }, 'mode is one of strict, lenient, not "loose".'],
      [{ on: 1 }, 'on is true or false, not "1".'],
      [{ temperature: 'hot' }, 'temperature is a number, not "hot".'],
      [{ constructor: 1 }, 'There is no setting "constructor" here. There are temperature, count, mode, on.'],
    ];
    for (const [given, sentence] of wrong) {
      expect(() => resolveSettings(settings, given)).toThrow(new UsageError(sentence));
    }
  });
});

describe('progress', () => {
  it('says bar, count, percent, time left and detail', () => {
    const state = { done: 30, total: 120, label: 'train', secondsLeft: 3723, detail: 'loss 0.5' };
    expect(progressLine(state, 8)).toBe('train       [##------]  30/120  25 %  1:02:03 left  loss 0.5');
    expect(progressLine({ ...state, done: 0, total: 0 }, 8)).toBe('train  loss 0.5');
    expect(progressLine({ ...state, secondsLeft: null }, 0)).toBe('train       30/120  25 %  loss 0.5');
  });

  it('writes durations as people do, and extrapolates the mean', () => {
    expect([0, 7.4, 750, 3600].map(duration)).toEqual(['0:00', '0:07', '12:30', '1:00:00']);
    expect(secondsLeft(0, 10_000, 5, 20)).toBe(30);
    expect(secondsLeft(0, 10_000, 0, 20)).toBeNull();
  });

  it('redraws one line on a terminal and writes few lines elsewhere', () => {
    let now = 0;
    const draw = (isTTY: boolean) => {
      const written: string[] = [];
      const stream = { isTTY, columns: 60, write: (text: string) => written.push(text) > 0 };
      const bar = new ProgressBar(stream, () => now);
      for (let done = 1; done <= 100; done++, now += 50) {
        bar.update({ done, total: 100, label: 'x', secondsLeft: null });
      }
      bar.end();
      return written;
    };
    const terminal = draw(true);
    expect(terminal.length).toBeGreaterThan(45);
    expect(terminal.every((text) => text.startsWith('\r\x1b[K') && !text.includes('\n'))).toBe(true);
    expect(terminal.every((text) => text.length <= 60 + 4)).toBe(true);
    const piped = draw(false);
    expect(piped).toHaveLength(2); // the first step and the last
    expect(piped.every((text) => text.endsWith('\n'))).toBe(true);
  });
});
