import type { Dataset } from '../data/dataset';
import type { Gpu } from '../gpu/device';
import type { LoadedModel } from '../model/folder';
import { checkNumerics, type Numerics } from '../recipes/check_numerics';
import { samplingPromptOf } from '../tasks/prompt';
import { encodePrompt } from '../text/prompt';
import { loadOnnxRuntime } from './onnx';

const PROBLEMS = 4;
/** Where no problems are open: text that any tokenizer knows. */
const PROMPTS = [
  'Tom has 4 pens and buys 5 more. How many pens does he have?',
  'A train leaves at 9 and arrives at 12. How long does it take?',
];

/** Checks this GPU on a model and the first prompts of the open problems. */
export function checkOpenModel(gpu: Gpu, model: LoadedModel, dataset: Dataset | null): Promise<Numerics> {
  const own = dataset?.problems.slice(0, PROBLEMS).map(samplingPromptOf) ?? [];
  const prompts = (own.length ? own : PROMPTS).map((text) => encodePrompt(model.tokenizer, text));
  return checkNumerics(gpu, model, prompts, loadOnnxRuntime);
}
