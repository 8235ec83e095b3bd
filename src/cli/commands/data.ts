import { basename } from 'node:path';
import { openDataset } from '../../data/open';
import type { Dataset } from '../../data/dataset';
import { promptOf, targetOf } from '../../tasks/prompt';
import type { Problem } from '../../tasks/task';
import type { Command } from '../command';
import { readInput } from '../files';

const FIRST_ROWS = 3;
const BAD_SHOWN = 20;

/** `reft-lab data FILE`: what the lab makes of a file. */
export const data: Command = {
  name: 'data',
  summary: 'Show what the lab makes of a data file: format, rows, bad rows, the first prompts and targets.',
  usage: 'FILE [--json]',
  positionals: ['FILE'],
  options: {},
  details: `
Reads GSM8K .jsonl, SVAMP .json, MathQA .json and ReFT's own .json (item_id, question, answer_cot, answer_value).
With --json: {"name", "format", "task", "rows", "usable", "has_cot", "bad": [{"line", "reason"}],
"first": [{"id", "prompt", "target", "answer"}]}; target is null where a row has no chain of thought.`,
  async run(args, io) {
    const path = args.positional(0);
    const dataset = await openDataset(basename(path), await readInput(path));
    const first = dataset.problems.slice(0, FIRST_ROWS).map(rowOf);
    const { name, format, task, rows, bad, hasCot } = dataset;
    io.result(
      { name, format, task, rows, usable: dataset.problems.length, has_cot: hasCot, bad, first },
      [summary(dataset), ...first.map(block)].join('\n\n'),
    );
  },
};

interface FirstRow {
  id: string;
  prompt: string;
  target: string | null;
  answer: string;
}

function rowOf(problem: Problem): FirstRow {
  return {
    id: problem.id,
    prompt: promptOf(problem),
    target: targetOf(problem),
    answer: problem.answer,
  };
}

function summary({ name, format, rows, problems, bad, hasCot }: Dataset): string {
  const shown = bad.slice(0, BAD_SHOWN).map(({ line, reason }) => `  line ${line}: ${reason}`);
  const more = bad.length - shown.length;
  return [
    `${name}: format ${format}, ${rows} rows, ${problems.length} usable, ${bad.length} bad`,
    hasCot
      ? 'It has chains of thought: SFT and ReFT can train on it.'
      : 'It has no chain of thought: it serves evaluation and RL.',
    ...(bad.length > 0 ? ['Bad rows, left out:', ...shown] : []),
    ...(more > 0 ? [`  … and ${more} more (--json lists all)`] : []),
  ].join('\n');
}

function block({ id, prompt, target, answer }: FirstRow): string {
  return `--- ${id}\n${prompt}${target ?? '(no chain of thought in this file)'}\n[answer ${answer}]`;
}
