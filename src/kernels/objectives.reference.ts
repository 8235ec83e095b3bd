import { OBJECTIVE_CONSTANTS, OBJECTIVE_STATS } from './objectives';

type Numbers = ArrayLike<number>;

/** What an objective reads: (M), but for constants (M,8). */
export interface ObjectiveInputs {
  logp: Numbers;
  entropy: Numbers;
  value: Numbers;
  constants: Numbers;
}

/** What it writes: (M), but for stats (M,16). */
export interface ObjectiveOutputs {
  dlogp: Float64Array;
  dentropy: Float64Array;
  dvalue: Float64Array;
  stats: Float64Array;
}

export interface PpoCoefficients {
  cliprange: number;
  cliprange_value: number;
  vf_coef: number;
  entropy_coef: number;
  kl_loss_coef: number;
}

const FARTHEST = 20;
const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);
const passes = (x: number, low: number, high: number): number => (x >= low && x <= high ? 1 : 0);

/** Σ stats[column] over tokens. */
export function objectiveSum({ stats }: Pick<ObjectiveOutputs, 'stats'>, column: number): number {
  let sum = 0;
  for (let i = column; i < stats.length; i += OBJECTIVE_STATS) sum += stats[i]!;
  return sum;
}

function outputs(M: number): ObjectiveOutputs {
  return {
    dlogp: new Float64Array(M),
    dentropy: new Float64Array(M),
    dvalue: new Float64Array(M),
    stats: new Float64Array(M * OBJECTIVE_STATS),
  };
}

/** shaders/sft.wgsl in f64. Loss: the sum of stats column 0. */
export function sftReference({ logp, entropy, constants }: ObjectiveInputs): ObjectiveOutputs {
  const out = outputs(logp.length);
  for (let i = 0; i < logp.length; i++) {
    const weight = constants[i * OBJECTIVE_CONSTANTS]!;
    out.dlogp[i] = -weight;
    out.stats.set([-weight * logp[i]!, -logp[i]!, entropy[i]!, 1], i * OBJECTIVE_STATS);
  }
  return out;
}

/**
 * Schulman's estimators of KL(π‖π_ref) from a token of π: k1 = log π − log π_ref, k2 = k1²/2, k3 = e^{−k1} − 1 + k1
 * (the exponent clamped to ±20).
 */
export function klReference(logp: number, logpRef: number): { k1: number; k2: number; k3: number } {
  const k1 = logp - logpRef;
  const gap = clamp(-k1, -FARTHEST, FARTHEST);
  return { k1, k2: k1 ** 2 / 2, k3: Math.exp(gap) - 1 - gap };
}

/** Value and derivatives of max(a, b): PyTorch gives two equal terms half each. */
function maximum(a: number, b: number): { value: number; da: number; db: number } {
  const da = a > b ? 1 : a === b ? 0.5 : 0;
  return { value: Math.max(a, b), da, db: 1 - da };
}

/** shaders/ppo_clip.wgsl in f64. Loss: the sum of stats column 13. */
export function ppoClipReference(
  { logp, entropy, value, constants }: ObjectiveInputs,
  { cliprange, cliprange_value, vf_coef, entropy_coef, kl_loss_coef }: PpoCoefficients,
): ObjectiveOutputs {
  const out = outputs(logp.length);
  for (let i = 0; i < logp.length; i++) {
    const [logpOld, A, R, valueOld, weightPolicy, weightValue, logpRef] = Array.from(
      { length: 7 },
      (_, column) => constants[i * OBJECTIVE_CONSTANTS + column]!,
    ) as [number, number, number, number, number, number, number];

    const logRatio = logp[i]! - logpOld;
    const ratio = Math.exp(clamp(logRatio, -FARTHEST, FARTHEST));
    const [low, high] = [1 - cliprange, 1 + cliprange];
    const [plain, clipped] = [-A * ratio, -A * clamp(ratio, low, high)];
    const policy = maximum(plain, clipped);
    const dratio = -A * policy.da - A * policy.db * passes(ratio, low, high);
    let dlogp = dratio * ratio * passes(logRatio, -FARTHEST, FARTHEST);

    let k3 = 0;
    if (kl_loss_coef !== 0) {
      k3 = klReference(logp[i]!, logpRef).k3;
      const gap = logpRef - logp[i]!;
      dlogp +=
        kl_loss_coef * (1 - Math.exp(clamp(gap, -FARTHEST, FARTHEST))) * passes(gap, -FARTHEST, FARTHEST);
    }

    const V = value[i]!;
    const [vLow, vHigh] = [valueOld - cliprange_value, valueOld + cliprange_value];
    const vClipped = clamp(V, vLow, vHigh);
    const [error, errorClipped] = [(V - R) ** 2, (vClipped - R) ** 2];
    const squared = maximum(error, errorClipped);
    const dvalue = squared.da * (V - R) + squared.db * (vClipped - R) * passes(V, vLow, vHigh);

    out.dlogp[i] = weightPolicy * dlogp;
    out.dentropy[i] = -weightPolicy * entropy_coef;
    out.dvalue[i] = vf_coef * weightValue * dvalue;
    const regularized = policy.value + kl_loss_coef * k3 - entropy_coef * entropy[i]!;
    out.stats.set(
      [
        weightPolicy * policy.value,
        (weightValue * squared.value) / 2,
        logRatio ** 2 / 2,
        clipped > plain ? 1 : 0,
        errorClipped > error ? 1 : 0,
        ratio,
        ratio ** 2,
        entropy[i]!,
        V,
        R,
        error,
        R ** 2,
        1,
        weightPolicy * regularized + (vf_coef * weightValue * squared.value) / 2,
        k3,
      ],
      i * OBJECTIVE_STATS,
    );
  }
  return out;
}
