import { tokenizerOf } from '../../recipes/prompt_tokens';
import { ADAPTER_OPTION, openAdapter } from '../adapter_dir';
import type { Command } from '../command';
import { checkOutput, readJsonRows, textField, writeJsonRows } from '../files';
import { openCliGpu } from '../gpu';
import {
  checkPrompt,
  contextFor,
  generateWithProgress,
  openAsked,
  weightsOf,
  WEIGHTS_OPTION,
} from '../inference';
import { openAskedModel } from '../model_dir';
import { resolveSettings, settingsHelp, type Setting } from '../settings';

const SETTINGS = {
  temperature: { default: 0, min: 0, max: 10, help: 'Randomness; 0 takes the likeliest token.' },
  top_k: { default: 0, min: 0, integer: true, help: 'Sample among the k likeliest; 0 is off.' },
  top_p: { default: 1, min: 0.01, max: 1, help: 'Sample among the fewest with this probability.' },
  max_new_tokens: { default: 64, min: 1, max: 4096, integer: true, help: 'Tokens at most.' },
  seed: { default: 0, min: 0, max: 2 ** 53 - 1, integer: true, help: 'Of the random draws.' },
  chat_template: {
    default: false as boolean,
    help: 'Put each prompt into the model’s chat template, as a user’s turn.',
  },
} satisfies Record<string, Setting<number> | Setting<boolean>>;

/** `reft-lab generate`: completions of given prompts. */
export const generate: Command = {
  name: 'generate',
  summary: 'Complete given prompts, greedily or by sampling.',
  usage:
    '--model DIR [--adapter DIR] [--weights FORMAT] --data FILE.jsonl --out FILE.jsonl [--set key=value]… [--json]',
  options: {
    model: {
      value: 'DIR',
      required: true,
      help: 'A folder (Hugging Face, ONNX, a run), owner/name of the Hub, or a bundled model: nano.',
    },
    adapter: ADAPTER_OPTION,
    weights: WEIGHTS_OPTION,
    data: { value: 'FILE.jsonl', required: true, help: 'Rows {"prompt"}.' },
    out: {
      value: 'FILE.jsonl',
      required: true,
      help: 'The same rows with "completion", "tokens", "logprobs", "finish".',
    },
    set: { value: 'KEY=VALUE', multiple: true, help: 'A setting, see below.' },
  },
  details: `
"tokens" are the generated ids, the end token included when there is one; "logprobs" their natural logarithms under the
model at temperature 1; "finish" is "eos" or "length". The same seed gives the same completions on the same adapter.
${settingsHelp(SETTINGS)}`,
  async run(args, io) {
    const settings = resolveSettings(SETTINGS, args.settings());
    const weights = weightsOf(args);
    const path = args.text('data');
    const out = args.text('out');
    await checkOutput(out);
    const rows = await readJsonRows(path);
    const model = await openAskedModel(args.text('model'), io);
    const tokenizer = tokenizerOf(model, settings);
    const adapter = await openAdapter(args.maybe('adapter'), args.text('model'), io);
    const prompts = rows.map((row, id) => {
      const tokens = tokenizer.encodeStart(textField(row, 'prompt', path));
      checkPrompt(`${path}, line ${row.line}`, tokens.length, model);
      return { id, tokens };
    });
    const context = contextFor(prompts, settings.max_new_tokens, model);
    const policy = await openAsked(await openCliGpu(io), model, context, prompts.length, {
      adapter,
      weights,
    });
    const sampling = { ...settings, eos: tokenizer.eosIds };
    try {
      const completions = await generateWithProgress(policy, prompts, sampling, io, 'generate');
      await writeJsonRows(
        out,
        rows.map(({ row }, i) => {
          const { tokens = [], logprobs = [], finish = 'length' } = completions[i] ?? {};
          return { ...row, completion: tokenizer.decode(tokens), tokens, logprobs, finish };
        }),
      );
      const ended = completions.filter(({ finish }) => finish === 'eos').length;
      const tokens = completions.reduce((sum, completion) => sum + completion.tokens.length, 0);
      io.result(
        { out, rows: rows.length, tokens, ended },
        `${out}: ${rows.length} completions, ${tokens} tokens, ${ended} of them ended by themselves`,
      );
    } finally {
      policy.destroy();
    }
  },
};
