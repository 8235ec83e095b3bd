/** Tolerance of a comparison: |actual − expected| ≤ atol + rtol·|expected|. A looser one carries its reason. */
export interface Tolerance {
  atol: number;
  rtol: number;
  reason?: string;
}

/** f32 against an f64 reference with short sums. */
export const F32: Tolerance = { atol: 1e-5, rtol: 1e-5 };

export interface Closeness {
  ok: boolean;
  /** Largest share of the tolerance used; over 1 fails. NaN anywhere counts as Infinity. */
  share: number;
  /** Where that was, and the values there. */
  index: number;
  actual: number;
  expected: number;
  message: string;
}

/** Compares element by element; a NaN, or another length, fails. */
export function closeness(
  tensor: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { atol, rtol }: Tolerance,
): Closeness {
  let share = 0;
  let index = 0;
  if (actual.length !== expected.length) {
    const message = `${tensor}: ${actual.length} elements where ${expected.length} are expected`;
    return {
      ok: false,
      share: Infinity,
      index: 0,
      actual: actual.length,
      expected: expected.length,
      message,
    };
  }
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i] ?? Number.NaN;
    const b = expected[i] ?? Number.NaN;
    const used = Math.abs(a - b) / (atol + rtol * Math.abs(b));
    const known = Number.isNaN(used) ? Infinity : used;
    if (known > share) {
      share = known;
      index = i;
    }
  }
  const a = actual[index] ?? 0;
  const b = expected[index] ?? 0;
  return {
    ok: share <= 1,
    share,
    index,
    actual: a,
    expected: b,
    message: `${tensor}[${index}] is ${a}, expected ${b}: ${share.toPrecision(3)} of the tolerance (atol ${atol}, rtol ${rtol})`,
  };
}

/** `closeness`, throwing its message when the tolerance is passed. */
export function expectClose(
  tensor: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
): void {
  const result = closeness(tensor, actual, expected, tolerance);
  if (!result.ok) throw new Error(result.message);
}

/**
 * Holds an analytic gradient to central differences of a scalar function, element by element (h = 1e-5).
 * Errors: throws where they differ by more than 1e-8 relative to max(1, |gradient|).
 */
export function expectGradient(
  name: string,
  f: (x: Float64Array) => number,
  x: Float64Array,
  gradient: ArrayLike<number>,
  tolerance = 1e-8,
): void {
  const h = 1e-5;
  for (let i = 0; i < x.length; i++) {
    const at = x[i] ?? 0;
    x[i] = at + h;
    const above = f(x);
    x[i] = at - h;
    const below = f(x);
    x[i] = at;
    const numeric = (above - below) / (2 * h);
    const analytic = gradient[i] ?? Number.NaN;
    if (!(Math.abs(numeric - analytic) <= tolerance * Math.max(1, Math.abs(numeric)))) {
      throw new Error(`${name}[${i}]: analytic ${analytic}, central difference ${numeric}`);
    }
  }
}
