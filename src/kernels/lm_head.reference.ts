type Numbers = ArrayLike<number>;

export interface LogitsStats {
  logp: Float64Array;
  entropy: Float64Array;
  lse: Float64Array;
  correct: Float64Array;
}

/** Logits z as a model with a soft cap has them: cap · tanh(z / cap) (arXiv:2408.00118, section 2); 0 is no cap. */
export const softcapped = (z: number, cap: number): number => (cap ? cap * Math.tanh(z / cap) : z);

/**
 * Per row of logits (R,V): log-prob of the target, entropy, log-sum-exp (natural logs) and 1 where the target is the
 * argmax, the lowest index winning a tie. In f64; `ldv` is the row stride; logits are `softcapped` first.
 */
export function logitsStatsReference(
  logits: Numbers,
  targets: Numbers,
  R: number,
  V: number,
  ldv: number,
  cap = 0,
): LogitsStats {
  const stats: LogitsStats = {
    logp: new Float64Array(R),
    entropy: new Float64Array(R),
    lse: new Float64Array(R),
    correct: new Float64Array(R),
  };
  for (let r = 0; r < R; r++) {
    const z = Float64Array.from({ length: V }, (_, j) => softcapped(logits[r * ldv + j]!, cap));
    const largest = Math.max(...z);
    const lse = largest + Math.log(z.reduce((sum, x) => sum + Math.exp(x - largest), 0));
    stats.lse[r] = lse;
    stats.logp[r] = z[targets[r]!]! - lse;
    stats.entropy[r] = z.reduce((sum, x) => sum - Math.exp(x - lse) * (x - lse), 0);
    stats.correct[r] = z.indexOf(largest) === targets[r] ? 1 : 0;
  }
  return stats;
}

/** Gradient of Σ dlogp·logp + dentropy·entropy with respect to the logits: (R,ldv), padding columns 0. */
export function logitsBackwardReference(
  logits: Numbers,
  targets: Numbers,
  dlogp: Numbers,
  dentropy: Numbers,
  R: number,
  V: number,
  ldv: number,
  cap = 0,
): Float64Array {
  const { lse, entropy } = logitsStatsReference(logits, targets, R, V, ldv, cap);
  const dlogits = new Float64Array(R * ldv);
  for (let r = 0; r < R; r++) {
    for (let j = 0; j < V; j++) {
      const z = softcapped(logits[r * ldv + j]!, cap);
      const logP = z - lse[r]!;
      const p = Math.exp(logP);
      const hit = j === targets[r] ? 1 : 0;
      const gradient = dlogp[r]! * (hit - p) - dentropy[r]! * p * (logP + entropy[r]!);
      dlogits[r * ldv + j] = cap ? gradient * (1 - (z / cap) ** 2) : gradient;
    }
  }
  return dlogits;
}
