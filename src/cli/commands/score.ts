import { LabError } from '../../errors';
import type { Sequence } from '../../model/batch';
import { ADAPTER_OPTION, openAdapter } from '../adapter_dir';
import type { Command } from '../command';
import { checkOutput, readJsonRows, textField, writeJsonRows } from '../files';
import { openCliGpu } from '../gpu';
import { checkPrompt, openAsked, weightsOf, WEIGHTS_OPTION } from '../inference';
import { Stopped } from '../interrupt';
import { openAskedModel } from '../model_dir';
import { secondsLeft } from '../progress';
import type { AnyModel } from '../../model/onnx_folder';

const ROWS_AT_ONCE = 256;

/** `reft-lab score`: the log-probability of given completions. */
export const score: Command = {
  name: 'score',
  summary: 'Give the log-probability of every token of given completions.',
  usage: '--model DIR [--adapter DIR] [--weights FORMAT] --data FILE.jsonl --out FILE.jsonl [--json]',
  options: {
    model: {
      value: 'DIR',
      required: true,
      help: 'A folder (Hugging Face, ONNX, a run), owner/name of the Hub, or a bundled model: nano.',
    },
    adapter: ADAPTER_OPTION,
    weights: WEIGHTS_OPTION,
    data: { value: 'FILE.jsonl', required: true, help: 'Rows {"prompt", "completion"}.' },
    out: { value: 'FILE.jsonl', required: true, help: 'The same rows with "tokens", "logprobs", "sum".' },
  },
  details: `
"tokens" are the completion's ids (prompt and completion are tokenized apart; BOS begins the prompt where the model's
tokenizer puts it there; no end token is added), "logprobs" their natural logarithms under the model at temperature 1,
"sum" their sum.`,
  async run(args, io) {
    const weights = weightsOf(args);
    const path = args.text('data');
    const out = args.text('out');
    await checkOutput(out);
    const rows = await readJsonRows(path);
    const model = await openAskedModel(args.text('model'), io);
    const adapter = await openAdapter(args.maybe('adapter'), args.text('model'), io);
    const sequences = rows.map((row) =>
      sequenceOf(
        model,
        textField(row, 'prompt', path),
        textField(row, 'completion', path),
        `${path}, line ${row.line}`,
      ),
    );
    const context = sequences.reduce((most, { tokens }) => Math.max(most, tokens.length), 1);
    const policy = await openAsked(await openCliGpu(io), model, context, sequences.length, {
      adapter,
      weights,
    });
    const bar = io.progress();
    const started = Date.now();
    const logprobs: number[][] = [];
    try {
      for (let first = 0; first < sequences.length; first += ROWS_AT_ONCE) {
        if (io.signal.aborted) throw new Stopped(`Stopped after ${first} rows; nothing was written.`);
        const { logp } = await policy.score(sequences.slice(first, first + ROWS_AT_ONCE));
        logprobs.push(...logp.map((values) => [...values]));
        const [done, total] = [logprobs.length, sequences.length];
        bar.update({
          done,
          total,
          label: 'score',
          secondsLeft: secondsLeft(started, Date.now(), done, total),
        });
      }
    } finally {
      bar.end();
      policy.destroy();
    }
    const scored = rows.map(({ row }, i) => {
      const { tokens = [], promptLength = 0 } = sequences[i] ?? {};
      const values = logprobs[i] ?? [];
      const sum = values.reduce((total, value) => total + value, 0);
      return { ...row, tokens: Array.from(tokens).slice(promptLength), logprobs: values, sum };
    });
    await writeJsonRows(out, scored);
    const tokens = scored.reduce((total, row) => total + row.tokens.length, 0);
    const mean = scored.reduce((total, row) => total + row.sum, 0) / Math.max(1, tokens);
    io.result(
      { out, rows: rows.length, tokens, mean_logprob: mean },
      `${out}: ${rows.length} rows, ${tokens} completion tokens, mean log-probability ${mean.toFixed(4)} a token`,
    );
  },
};

/** Errors: `bad_input` naming the row that does not fit the model's context. */
function sequenceOf(model: AnyModel, prompt: string, completion: string, where: string): Sequence {
  const head = model.tokenizer.encodeStart(prompt);
  checkPrompt(where, head.length, model);
  const tokens = [...head, ...model.tokenizer.encode(completion)];
  const limit = model.config.max_position_embeddings;
  if (tokens.length <= limit) return { tokens, promptLength: head.length };
  throw new LabError(
    'bad_input',
    `${where}: prompt and completion have ${tokens.length} tokens and the context of ${model.name} is ${limit}. ` +
      'Shorten them, leave the row out, or choose a model with a longer context.',
  );
}
