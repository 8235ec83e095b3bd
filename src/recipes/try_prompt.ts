import type { AskedModel } from '../model/asked';
import type { AnyModel } from '../model/onnx_folder';
import { promptOf } from '../tasks/prompt';
import { encodePrompt } from '../text/prompt';
import { tokenizerOf } from './prompt_tokens';

/** What a person asks a model, and how its answer is drawn. */
export interface PromptRequest {
  text: string;
  /** `problem`: written as the lab writes the question of a problem; `plain`: as it stands. */
  form: 'problem' | 'plain';
  /** Whether that goes into the model's chat template, as a user's turn. */
  chat_template: boolean;
  /** 0 takes the likeliest token. */
  temperature: number;
  max_new_tokens: number;
  seed: number;
}

/** What a model has written so far. */
export interface PromptProgress {
  text: string;
  tokens: number;
  /** Seconds until the first tokens were there: kernels are compiled and the prompt is read. */
  firstAfter: number;
  /** Of those after the first; null before there are more. */
  tokensPerSecond: number | null;
}

export interface PromptAnswer extends PromptProgress {
  promptTokens: number;
  /** `stopped`: a person ended it. */
  finish: 'eos' | 'length' | 'stopped';
}

/** What the text of half a character is decoded to. */
const HALF_CHARACTER = /\uFFFD+$/;

/** Thrown through the generation to end it. */
class PromptStopped extends Error {}

/**
 * Asks a model one prompt, through the generation that runs use; `tell` hears of the answer as it grows. An aborted
 * `signal` ends it with what is there. `open` puts the model on the GPU with room for one sequence of so many tokens.
 * Errors: `bad_input` for an empty prompt, one longer than the context, and a chat template the model does not have.
 */
export async function tryPrompt(
  model: AnyModel,
  open: (context: number) => Promise<AskedModel>,
  request: PromptRequest,
  tell: (progress: PromptProgress) => void,
  signal: AbortSignal,
): Promise<PromptAnswer> {
  const { text, form, temperature, seed } = request;
  const tokenizer = tokenizerOf(model, { chat_template: request.chat_template });
  const prompt = encodePrompt(tokenizer, form === 'problem' ? promptOf({ question: text }) : text);
  const promptTokens = prompt.length;
  const { max_position_embeddings: limit } = model.config;
  const context = Math.min(limit, promptTokens + request.max_new_tokens);
  const max_new_tokens = Math.max(1, context - promptTokens);
  const asked = await open(Math.max(context, Math.min(limit, promptTokens + 1)));
  const started = performance.now();
  let first: { tokens: number; after: number } | undefined;
  let last: PromptProgress = { text: '', tokens: 0, firstAfter: 0, tokensPerSecond: null };
  const see = ({ length }: readonly number[], text: string): PromptProgress => {
    const seconds = (performance.now() - started) / 1000;
    first ??= { tokens: length, after: seconds };
    const more = length - first.tokens;
    const tokensPerSecond = more > 0 ? more / (seconds - first.after) : null;
    return (last = { text, tokens: length, firstAfter: first.after, tokensPerSecond });
  };
  const onTokens = (tokens: readonly number[]): void => {
    if (signal.aborted) throw new PromptStopped();
    tell(see(tokens, tokenizer.decode(tokens).replace(HALF_CHARACTER, '')));
  };
  try {
    if (signal.aborted) throw new PromptStopped();
    const sampling = { temperature, top_k: 0, top_p: 1, max_new_tokens, seed, eos: tokenizer.eosIds };
    const [completion] = await asked.generate([{ id: 0, tokens: prompt }], sampling, { onTokens });
    const { tokens = [], finish = 'length' } = completion ?? {};
    return { ...see(tokens, tokenizer.decode(tokens)), promptTokens, finish };
  } catch (thrown) {
    if (!(thrown instanceof PromptStopped)) throw thrown;
    return { ...last, promptTokens, finish: 'stopped' };
  } finally {
    asked.destroy();
  }
}
