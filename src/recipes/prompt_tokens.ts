import type { Config } from '../runs/run';
import { samplingPromptOf } from '../tasks/prompt';
import type { Problem } from '../tasks/task';
import { encodePrompt } from '../text/prompt';
import type { Tokenizer } from '../text/tokenizer';

/** The tokenizer of a run: as a chat where its settings say so. Errors: `bad_input` when the model has no chat template. */
export const tokenizerOf = ({ tokenizer }: { tokenizer: Tokenizer }, config: Config): Tokenizer =>
  config['chat_template'] === true ? tokenizer.asChat() : tokenizer;

const known = new WeakMap<Tokenizer, WeakMap<Problem, readonly number[]>>();

/** The tokens a problem is sampled from. Remembered: the same problems are asked epoch after epoch while the GPU waits. */
export function promptTokens(tokenizer: Tokenizer, problem: Problem): readonly number[] {
  const remembered = known.get(tokenizer) ?? new WeakMap<Problem, readonly number[]>();
  known.set(tokenizer, remembered);
  const tokens = remembered.get(problem) ?? encodePrompt(tokenizer, samplingPromptOf(problem));
  remembered.set(problem, tokens);
  return tokens;
}
