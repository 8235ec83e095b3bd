import { LabError } from '../../errors';
import { wilson } from '../../evaluate/interval';
import type { AnyModel } from '../../model/onnx_folder';
import { gradeAll } from '../../tasks/grade';
import { asPrograms, promptOf, samplingPromptOf, targetOf } from '../../tasks/prompt';
import type { Extraction, Problem } from '../../tasks/task';
import { tokenizerOf } from '../../recipes/prompt_tokens';
import { encodeProblem } from '../../text/prompt';
import { ADAPTER_OPTION, openAdapter } from '../adapter_dir';
import type { Command } from '../command';
import { openData } from '../data_file';
import { checkOutput, writeJsonRows } from '../files';
import { openCliGpu } from '../gpu';
import { contextFor, generateWithProgress, openAsked, weightsOf, WEIGHTS_OPTION } from '../inference';
import type { Io } from '../io';
import { openAskedModel } from '../model_dir';
import { nodeProgramRunner } from '../program_runner';
import { resolveSettings, settingsHelp, type Setting } from '../settings';
import { percent } from '../table';

const DEFAULT_NEW_TOKENS = 256;
const ROOM_FOR_NEW_TOKENS = 1.25;

const SETTINGS = {
  max_new_tokens: {
    default: 0 as number,
    min: 0,
    max: 4096,
    integer: true,
    help: `Tokens at most; 0 is ${ROOM_FOR_NEW_TOKENS} times the longest target in the file, else ${DEFAULT_NEW_TOKENS}.`,
  },
  max_eval_samples: {
    default: 0 as number,
    min: 0,
    integer: true,
    help: 'Only the first this many; 0 is all.',
  },
  extraction: {
    default: 'strict' as string,
    choices: ['strict', 'lenient'],
    help: 'How numbers are read: as the reference does, or also "1,000", "$5".',
  },
  programs: { default: false as boolean, help: 'The model answers by Python programs (P-CoT).' },
  chat_template: {
    default: false as boolean,
    help: 'Put each prompt into the model’s chat template, as a user’s turn.',
  },
} satisfies Record<string, Setting<number> | Setting<string> | Setting<boolean>>;

/** `reft-lab eval`: greedy accuracy of a model on a file of problems. */
export const evaluate: Command = {
  name: 'eval',
  summary: 'Measure a model’s greedy accuracy on a data file, with its 95 % interval.',
  usage:
    '--model DIR [--adapter DIR] [--weights FORMAT] --data FILE [--out FILE.jsonl] [--set key=value]… [--json]',
  options: {
    model: {
      value: 'DIR',
      required: true,
      help: 'A folder (Hugging Face, ONNX, a run), owner/name of the Hub, or a bundled model: nano.',
    },
    adapter: ADAPTER_OPTION,
    weights: WEIGHTS_OPTION,
    data: { value: 'FILE', required: true, help: 'Problems; or a bundled level: easy/test.' },
    out: { value: 'FILE.jsonl', help: 'Also write every completion with its grade.' },
    set: { value: 'KEY=VALUE', multiple: true, help: 'A setting, see below.' },
  },
  details: settingsHelp(SETTINGS),
  async run(args, io) {
    const settings = resolveSettings(SETTINGS, args.settings());
    const weights = weightsOf(args);
    const out = args.maybe('out');
    if (out !== undefined) await checkOutput(out);
    const dataset = await openData(args.text('data'), io);
    const opened = await openAskedModel(args.text('model'), io);
    const model = { ...opened, tokenizer: tokenizerOf(opened, settings) };
    const adapter = await openAdapter(args.maybe('adapter'), args.text('model'), io);
    const all = settings.programs ? asPrograms(dataset.problems) : dataset.problems;
    const problems = fitting(all.slice(0, settings.max_eval_samples || all.length), model, io);
    const newTokens = settings.max_new_tokens || longestTarget(problems, model) || DEFAULT_NEW_TOKENS;
    const prompts = problems.map((problem, id) => ({
      id,
      tokens: model.tokenizer.encodeStart(samplingPromptOf(problem)),
    }));
    const gpu = await openCliGpu(io);
    const policy = await openAsked(gpu, model, contextFor(prompts, newTokens, model), prompts.length, {
      adapter,
      weights,
    });
    const programs = nodeProgramRunner({ notice: (text) => io.note(text) });
    try {
      const completions = await generateWithProgress(
        policy,
        prompts,
        {
          temperature: 0,
          top_k: 0,
          top_p: 1,
          max_new_tokens: newTokens,
          seed: 0,
          eos: model.tokenizer.eosIds,
        },
        io,
        'evaluate',
      );
      const items = problems.map((problem, i) => ({
        problem,
        completion: model.tokenizer.decode(completions[i]?.tokens ?? []),
      }));
      const options = { extraction: settings.extraction as Extraction, partial_reward: true };
      const grades = await gradeAll(items, options, programs);
      if (out !== undefined) {
        await writeJsonRows(
          out,
          items.map(({ problem, completion }, i) => ({
            problem: problem.id,
            question: problem.question,
            completion,
            answer: problem.answer,
            ...grades[i],
            finish: completions[i]?.finish,
          })),
        );
      }
      const correct = grades.filter((grade) => grade.correct).length;
      const n = items.length;
      const { accuracy, low, high } = wilson(correct, n);
      io.result(
        { model: model.name, data: dataset.name, n, correct, accuracy, low, high },
        `${model.name} on ${dataset.name}: ${correct} of ${n} right, ${percent(accuracy)} ` +
          `(95 % interval ${(100 * low).toFixed(1)} to ${percent(high)}, greedy)`,
      );
    } finally {
      programs.close();
      policy.destroy();
    }
  },
};

/** The problems whose prompt leaves room to answer. Errors: `bad_input` when there is none. */
function fitting(problems: readonly Problem[], model: AnyModel, io: Io): Problem[] {
  const limit = model.config.max_position_embeddings;
  const fits = problems.filter(
    (problem) => model.tokenizer.encodeStart(samplingPromptOf(problem)).length < limit,
  );
  const left = problems.length - fits.length;
  const what = `longer than the context of ${limit} tokens of ${model.name}`;
  if (fits.length === 0) {
    throw new LabError('bad_input', `Every prompt is ${what}. Choose a model with a longer context.`);
  }
  if (left > 0) io.note(`${left} of ${problems.length} prompts are ${what} and are left out.`);
  return fits;
}

function longestTarget(problems: readonly Problem[], model: AnyModel): number {
  const lengths = problems.map((problem) => {
    const target = targetOf(problem);
    if (target === null) return 0;
    const { tokens, promptLength } = encodeProblem(model.tokenizer, promptOf(problem), target);
    return tokens.length - promptLength;
  });
  return Math.ceil(Math.max(0, ...lengths) * ROOM_FOR_NEW_TOKENS);
}
