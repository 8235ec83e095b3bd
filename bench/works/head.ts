import {
  bucketTokens,
  embeddingBackward,
  embeddingBackwardLaunch,
  embeddingForward,
  embeddingForwardLaunch,
  embeddingForwardStored,
  STORED_BITS,
} from '../../src/kernels/embedding';
import {
  addLogitsStats,
  logitsBackward,
  logitsBackwardConstants,
  logitsBackwardLaunch,
  type LogitsDims,
} from '../../src/kernels/lm_head';
import { addHeadScore, headScoreFloats } from '../../src/kernels/lm_head_score';
import { rowWords } from '../../src/kernels/quantize';
import type { KernelWork } from '../kernel_work';
import type { Shapes } from '../shapes';
import { plainWork } from './layer';
import { whole } from '../../src/kernels/vocabulary';
import { matmulWork } from './matmul';

/** Logits are made in chunks of rows of about as many floats. */
const CHUNK_FLOATS = 4 * 2 ** 20;
const LEAST_ROWS = 16;

/** Embedding and LM head for N tokens: the head over one chunk of rows, as a training step does it. */
export function headWorks({ C, V }: Shapes, N: number): KernelWork[] {
  const tokens = Uint32Array.from({ length: N }, (_, n) => (n * 7919) % V);
  const { U, data } = bucketTokens(tokens);
  const R = Math.max(LEAST_ROWS, Math.min(N, 2 ** Math.floor(Math.log2(CHUNK_FLOATS / V))));
  const ldv = Math.ceil(V / 4) * 4;
  const dims = { R, V, ldv, row0: 0 };
  const targets = tokens.slice(0, R);
  return [
    plainWork(
      embeddingForward,
      { N, C },
      { tokens, weight: V * C, out: N * C },
      embeddingForwardLaunch({ N, C }, { row0: 0, rows: V }),
    ),
    plainWork(
      embeddingForwardStored,
      { N, C },
      { tokens, weight: V * rowWords('q8', C), out: N * C },
      embeddingForwardLaunch({ N, C }, { row0: 0, rows: V }),
      () => ({ BITS: STORED_BITS.q8 }),
    ),
    plainWork(
      embeddingBackward,
      { N, C },
      { dout: N * C, buckets: data, dweight: V * C },
      embeddingBackwardLaunch({ U, C }, { row0: 0, rows: V }),
    ),
    matmulWork('nt', 'lm_head', R, V, C),
    matmulWork('nn', 'lm_head', R, C, V),
    matmulWork('tn', 'lm_head', V, C, R, { accumulate: true }),
    scoreWork(R, V, C, targets),
    statsWork(dims, targets),
    plainWork(
      logitsBackward,
      { R, V },
      { logits: R * ldv, targets, lse: R, entropy: R, dlogp: R, dentropy: R },
      logitsBackwardLaunch(dims),
      logitsBackwardConstants,
    ),
  ];
}

/** Log-probabilities of M rows without logits, as scoring does it. */
function scoreWork(M: number, V: number, C: number, targets: Uint32Array): KernelWork {
  return {
    kernel: 'head_score',
    dims: { M, V, C },
    operands: {
      hidden: M * C,
      weight: V * C,
      targets,
      partials: headScoreFloats(M, V),
      logp: M,
      entropy: M,
      correct: M,
    },
    record: (plan, { hidden, weight, targets, partials, logp, entropy, correct }, gpu) => {
      if (hidden && weight && targets && partials && logp && entropy && correct)
        addHeadScore(
          plan,
          gpu,
          { hidden, targets, partials, logp, entropy, correct },
          whole(weight, V),
          () => ({ M, V, C }),
        );
    },
  };
}

/** What training asks of its logits. */
function statsWork(dims: LogitsDims, targets: Uint32Array): KernelWork {
  const { R, V, ldv } = dims;
  return {
    kernel: 'logits_stats',
    dims: { R, V },
    operands: { logits: R * ldv, targets, logp: R, entropy: R, lse: R, correct: R },
    record: (plan, { logits, targets, logp, entropy, lse, correct }, gpu) => {
      if (logits && targets && logp && entropy && lse && correct)
        addLogitsStats(plan, gpu, { logits, targets, logp, entropy, lse, correct }, () => dims);
    },
  };
}
