import { activationCases } from './activation.cases';
import { adamwCases } from './adamw.cases';
import { attentionCases } from './attention.cases';
import { biasCases } from './bias.cases';
import type { KernelCase } from './case';
import { decodeCases } from './decode.cases';
import { embeddingCases } from './embedding.cases';
import { fillCases } from './fill.cases';
import { layernormCases } from './layernorm.cases';
import { lmHeadCases } from './lm_head.cases';
import { lmHeadSampleCases } from './lm_head_sample.cases';
import { lmHeadScoreCases } from './lm_head_score.cases';
import { loraCases } from './lora.cases';
import { matmulCases, matmulStoredCases } from './matmul.cases';
import { matmulSplitCases } from './matmul_split.cases';
import { objectivesCases } from './objectives.cases';
import { qkNormCases } from './qk_norm.cases';
import { reduceCases } from './reduce.cases';
import { rmsnormCases } from './rmsnorm.cases';
import { ropeCases } from './rope.cases';
import { rowsCases } from './rows.cases';
import { samplerCases } from './sampler.cases';
import { swigluCases } from './swiglu.cases';
import { valueHeadCases } from './value_head.cases';

/** Every case of every kernel: what the self-check page runs, and the tests one file at a time. */
export const allCases: readonly KernelCase[] = [
  ...matmulCases,
  ...matmulStoredCases,
  ...matmulSplitCases,
  ...biasCases,
  ...embeddingCases,
  ...rowsCases,
  ...fillCases,
  ...rmsnormCases,
  ...layernormCases,
  ...qkNormCases,
  ...ropeCases,
  ...attentionCases,
  ...swigluCases,
  ...activationCases,
  ...loraCases,
  ...lmHeadCases,
  ...lmHeadScoreCases,
  ...objectivesCases,
  ...valueHeadCases,
  ...reduceCases,
  ...adamwCases,
  ...decodeCases,
  ...samplerCases,
  ...lmHeadSampleCases,
];
