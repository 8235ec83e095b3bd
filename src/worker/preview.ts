import type { Dataset } from '../data/dataset';
import { promptOf, samplingPromptOf, targetOf } from '../tasks/prompt';
import type { Problem } from '../tasks/task';
import { encodeProblem, encodePrompt } from '../text/prompt';
import type { Tokenizer } from '../text/tokenizer';
import type { DatasetSummary, PreviewRow } from './protocol';

const PREVIEW_ROWS = 20;

/** A dataset for the page: the first rows exactly as the model will see them, and the longest lengths. */
export function summarize(
  handle: string,
  dataset: Dataset,
  tokenizer: Tokenizer | undefined,
): DatasetSummary {
  const { name, format, task, rows, problems, hasCot, bad } = dataset;
  return {
    handle,
    name,
    format,
    task,
    rows,
    usable: problems.length,
    hasCot,
    bad,
    preview: problems
      .slice(0, PREVIEW_ROWS)
      .map((problem, index) => previewRow(problem, index + 1, tokenizer)),
    lengths: tokenizer ? longest(problems, tokenizer) : null,
  };
}

function previewRow(problem: Problem, line: number, tokenizer: Tokenizer | undefined): PreviewRow {
  const target = targetOf(problem);
  const prompt = target === null ? samplingPromptOf(problem) : promptOf(problem);
  const row = {
    line,
    id: problem.id,
    question: problem.question,
    prompt,
    target: target ?? '',
    answer: problem.answer,
  };
  if (!tokenizer) return { ...row, tokens: [], promptLength: 0 };
  const encoded =
    target === null
      ? { tokens: encodePrompt(tokenizer, prompt), promptLength: -1 }
      : encodeProblem(tokenizer, prompt, target);
  const promptLength = target === null ? encoded.tokens.length : encoded.promptLength;
  return { ...row, tokens: tokenizer.tokenStrings(encoded.tokens), promptLength };
}

function longest(problems: readonly Problem[], tokenizer: Tokenizer): { prompt: number; total: number } {
  let prompt = 0;
  let total = 0;
  for (const problem of problems) {
    const target = targetOf(problem);
    const length = encodePrompt(tokenizer, samplingPromptOf(problem)).length;
    prompt = Math.max(prompt, length);
    total = Math.max(
      total,
      target === null ? length : encodeProblem(tokenizer, promptOf(problem), target).tokens.length,
    );
  }
  return { prompt, total };
}
