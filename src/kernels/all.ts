import type { Kernel } from '../gpu/kernel';
import { activationBackward, activationForward } from './activation';
import { adamw } from './adamw';
import { attentionKernels } from './attention';
import { biasBackward } from './bias';
import { decodeAttentionKernels, decodeAttentionMerge, kvCopy, moveRows, ropeAppend } from './decode';
import { embeddingBackward, embeddingForward, embeddingForwardStored, positionForward } from './embedding';
import { fill } from './fill';
import { layernormBackward, layernormForward, residualLayernormForward } from './layernorm';
import { logitsBackward, logitsStats } from './lm_head';
import { headSampleMerge, plainHeadSample } from './lm_head_sample';
import { headScoreMerge, plainHeadScore } from './lm_head_score';
import { loraExpand, loraExpandBackward } from './lora';
import { plainMatmulKernels } from './matmul_configurations';
import { matmulMerge } from './matmul_split';
import { ppoClipKernel, sftKernel } from './objectives';
import { normFinish, reduceColumns, sumSquares } from './reduce';
import { qkNormBackward, qkNormForward } from './qk_norm';
import { residualRmsnormForward, rmsnormBackward, rmsnormBackwardWeight, rmsnormForward } from './rmsnorm';
import { rope } from './rope';
import { gatherRows, scatterRows } from './rows';
import { sample } from './sampler';
import { swigluBackward, swigluForward } from './swiglu';
import { valueHeadBackward, valueHeadBackwardWeight, valueHeadForward } from './value_head';

/**
 * Every hand-written kernel of the lab, in the order of docs/kernels.md. A new one is added here, and its cases in
 * all_cases.ts. The generated ones are `matmulFamily()`, `headScoreFamily()` and `headSampleFamily()`.
 */
export const allKernels: readonly Kernel[] = [
  ...Object.values(plainMatmulKernels),
  matmulMerge,
  biasBackward,
  embeddingForward,
  embeddingForwardStored,
  embeddingBackward,
  positionForward,
  gatherRows,
  scatterRows,
  fill,
  rmsnormForward,
  residualRmsnormForward,
  rmsnormBackward,
  rmsnormBackwardWeight,
  layernormForward,
  residualLayernormForward,
  layernormBackward,
  qkNormForward,
  qkNormBackward,
  rope,
  ...Object.values(attentionKernels.tiled),
  ...Object.values(attentionKernels.direct),
  ...Object.values(attentionKernels.subgroup),
  swigluForward,
  swigluBackward,
  activationForward,
  activationBackward,
  loraExpand,
  loraExpandBackward,
  logitsStats,
  logitsBackward,
  plainHeadScore,
  headScoreMerge,
  sftKernel,
  ppoClipKernel,
  valueHeadForward,
  valueHeadBackward,
  valueHeadBackwardWeight,
  reduceColumns,
  sumSquares,
  normFinish,
  adamw,
  ropeAppend,
  kvCopy,
  moveRows,
  ...Object.values(decodeAttentionKernels),
  decodeAttentionMerge,
  sample,
  plainHeadSample,
  headSampleMerge,
];
