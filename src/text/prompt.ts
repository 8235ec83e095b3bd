import { LabError } from '../errors';
import type { Tokenizer } from './tokenizer';

/** A training sequence: prompt tokens, then target tokens, then one EOS. */
export interface EncodedProblem {
  tokens: number[];
  /** How many of `tokens` belong to the prompt; loss is taken on the rest. */
  promptLength: number;
}

/**
 * Prompt and target as one sequence. They are tokenized apart, so that the prompt's tokens are the same whether the
 * target is known or sampled; one EOS ends the sequence (ReFT's reference code does the same).
 * Errors: `bad_input` when the tokenizer has no EOS.
 */
export function encodeProblem(tokenizer: Tokenizer, prompt: string, target: string): EncodedProblem {
  const eos = tokenizer.eosIds[0];
  if (eos === undefined) {
    throw new LabError(
      'bad_input',
      'The tokenizer names no end-of-text token, so a completion could never end. Add "eos_token" to tokenizer_config.json, or "eos_token_id" to config.json.',
    );
  }
  const head = encodePrompt(tokenizer, prompt);
  return { tokens: [...head, ...tokenizer.encode(target), eos], promptLength: head.length };
}

/** A prompt to sample from: what the tokenizer puts in front of a text (BOS, or nothing), then its tokens. Errors: `bad_input` for an empty prompt. */
export function encodePrompt(tokenizer: Tokenizer, prompt: string): number[] {
  const tokens = tokenizer.encodeStart(prompt);
  if (tokens.length === 0) {
    throw new LabError('bad_input', 'A prompt is empty, so there is nothing to continue. Give it some text.');
  }
  return tokens;
}
