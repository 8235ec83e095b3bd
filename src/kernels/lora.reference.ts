import type { LoraBlock } from './lora';

type Numbers = ArrayLike<number>;

/** `out` (OUT,width) with scale · inp in the block and zeros beside it, in f64. */
export function loraExpandReference(inp: Numbers, out: Numbers, block: LoraBlock): Float64Array {
  const { rows, r, width, row0, start, scale } = block;
  const expanded = Float64Array.from(out);
  for (let o = 0; o < rows; o++) {
    const at = (row0 + o) * width;
    expanded.fill(0, at, at + width);
    for (let j = 0; j < r; j++) expanded[at + start + j] = scale * inp[o * r + j]!;
  }
  return expanded;
}

/** Gradient of Σ dout · expanded by inp (rows,r), nothing accumulated; and dout with the block's rows zero. */
export function loraExpandBackwardReference(
  dout: Numbers,
  { rows, r, width, row0, start, scale }: LoraBlock,
): { dinp: Float64Array; dout: Float64Array } {
  const dinp = new Float64Array(rows * r);
  for (let o = 0; o < rows; o++) {
    for (let j = 0; j < r; j++) dinp[o * r + j] = scale * dout[(row0 + o) * width + start + j]!;
  }
  const left = Float64Array.from(dout).fill(0, row0 * width, (row0 + rows) * width);
  return { dinp, dout: left };
}
