/** A seeded generator of test numbers in [-scale, scale): the same on every machine. */
export function testNumbers(count: number, seed: number, scale = 1): Float32Array {
  const out = new Float32Array(count);
  let state = (seed * 2_654_435_761 + 12_345) >>> 0;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    out[i] = ((state >>> 8) / 2 ** 23 - 1) * scale;
  }
  return out;
}
