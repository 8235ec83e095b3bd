import { TASKS } from '../../tasks/all';
import { gradeAll } from '../../tasks/grade';
import { isProgram } from '../../tasks/program';
import { taskOfItem } from '../../tasks/reft';
import type { Extraction, GradeOptions, Problem } from '../../tasks/task';
import { LabError } from '../../errors';
import type { Command } from '../command';
import { checkOutput, readJsonRows, textField, writeJsonRows, type JsonRow } from '../files';
import { nodeProgramRunner } from '../program_runner';
import { resolveSettings, settingsHelp, type Setting } from '../settings';

const SETTINGS = {
  extraction: {
    default: 'strict' as string,
    choices: ['strict', 'lenient'],
    help: 'How numbers are read: as the reference does, or also "1,000", "$5".',
  },
  partial_reward: { default: true as boolean, help: '0.1 for an answer that can be read but is wrong.' },
  programs: { default: false as boolean, help: 'Every completion is a Python program (or its body).' },
} satisfies Record<string, Setting<string> | Setting<boolean>>;

/** `reft-lab grade`: extract, compare, reward; no model and no GPU. */
export const grade: Command = {
  name: 'grade',
  summary: 'Extract the answers of completions, compare them with the gold answers, give the rewards.',
  usage: '--data FILE.jsonl --out FILE.jsonl [--set key=value]… [--json]',
  options: {
    data: { value: 'FILE.jsonl', required: true, help: 'Rows {"completion", "answer_value", "item_id"?}.' },
    out: {
      value: 'FILE.jsonl',
      required: true,
      help: 'The same rows with "extracted", "correct", "reward".',
    },
    set: { value: 'KEY=VALUE', multiple: true, help: 'A setting, see below.' },
  },
  details: `
The item_id's prefix (gsm8k_, svamp_, mathqa_, mathqa-numeric_) names the rules; without one they are GSM8K's: the number
after the last "Therefore, the answer is:". A completion that begins with "def solution():" is run as a program.
${settingsHelp(SETTINGS)}`,
  async run(args, io) {
    const settings = resolveSettings(SETTINGS, args.settings());
    const path = args.text('data');
    const out = args.text('out');
    await checkOutput(out);
    const rows = await readJsonRows(path);
    const items = rows.map((row) => itemOf(row, path, settings.programs));
    const options: GradeOptions = {
      extraction: settings.extraction as Extraction,
      partial_reward: settings.partial_reward,
    };
    const programs = nodeProgramRunner({ notice: (text) => io.note(text) });
    const grades = await gradeAll(items, options, programs).finally(() => programs.close());
    await writeJsonRows(
      out,
      rows.map(({ row }, i) => ({ ...row, ...grades[i] })),
    );
    const correct = grades.filter((one) => one.correct).length;
    const extracted = grades.filter((one) => one.extracted !== null).length;
    const reward = grades.reduce((sum, one) => sum + one.reward, 0) / grades.length;
    io.result(
      { out, rows: rows.length, extracted, correct, accuracy: correct / rows.length, reward },
      `${out}: ${rows.length} rows, an answer in ${extracted}, ${correct} correct ` +
        `(${((100 * correct) / rows.length).toFixed(1)} %), mean reward ${reward.toFixed(3)}`,
    );
  },
};

/** Errors: `bad_input` naming the line of a row that cannot be graded. */
function itemOf(row: JsonRow, path: string, programs: boolean): { problem: Problem; completion: string } {
  const where = `${path}, line ${row.line}`;
  const completion = textField(row, 'completion', path);
  const itemId = row.row.item_id;
  if (itemId !== undefined && typeof itemId !== 'string') {
    throw new LabError('bad_input', `${where}: "item_id" is not text.`);
  }
  const task = itemId === undefined ? 'gsm8k' : taskOfItem(itemId);
  if (task === null) {
    const prefixes = Object.keys(TASKS).map((name) => `${name}_`);
    throw new LabError(
      'bad_input',
      `${where}: the item_id "${itemId}" names no known task; it begins with ${prefixes.join(', ')}.`,
    );
  }
  const value = row.row.answer_value;
  const answer = value === undefined ? null : TASKS[task].gold(value);
  if (answer === null) {
    const fault =
      value === undefined ? 'is missing' : `is ${JSON.stringify(value)}, not ${TASKS[task].goldIs}`;
    throw new LabError('bad_input', `${where}: "answer_value" ${fault}.`);
  }
  const program = programs || isProgram(completion);
  return {
    completion,
    problem: {
      id: itemId ?? `row_${row.line}`,
      task,
      question: '',
      answer,
      line: row.line,
      ...(program ? { program } : {}),
    },
  };
}
