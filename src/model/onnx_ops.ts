import type { ModelConfig } from './config';
import type { Activation } from '../kernels/activation';
import { OnnxGraph } from './onnx_proto';

/** TensorProto.DataType of a Cast. */
const INT32 = 6;
/** A position after every other. */
const NEVER = 2 ** 31 - 1;
/** Past every last element. */
export const END = NEVER;

/** A graph in whose terms a decoder can be written down: operators give the name of their output. */
export class OnnxOps extends OnnxGraph {
  private values = 0;
  private readonly made = new Set<string>();

  op(op: string, inputs: readonly string[], attributes: Parameters<OnnxGraph['node']>[3] = {}): string {
    const [out = ''] = this.ops(op, inputs, 1, attributes);
    return out;
  }

  /** An operator with `count` outputs. */
  ops(
    op: string,
    inputs: readonly string[],
    count: number,
    attributes: Parameters<OnnxGraph['node']>[3] = {},
  ): string[] {
    const outputs = Array.from({ length: count }, () => `v${this.values++}`);
    this.node(op, inputs, outputs, attributes);
    return outputs;
  }

  /** An int64 constant, one initializer however often it is asked for. */
  integers(values: readonly number[]): string {
    const name = `int_${values.join('_')}`;
    if (!this.made.has(name)) this.initializer(name, [values.length], values);
    this.made.add(name);
    return name;
  }

  /** A scalar f32 constant, likewise. */
  scalar(value: number): string {
    const name = `float_${value}`;
    if (!this.made.has(name)) this.initializer(name, [], () => Float32Array.of(value));
    this.made.add(name);
    return name;
  }

  reshape(inp: string, shape: readonly number[]): string {
    return this.op('Reshape', [inp, this.integers(shape)]);
  }

  transpose(inp: string, perm: readonly number[]): string {
    return this.op('Transpose', [inp], { perm });
  }

  /** Parts of the last axis. */
  split(inp: string, sizes: readonly number[]): string[] {
    return this.ops('Split', [inp, this.integers(sizes)], sizes.length, { axis: -1 });
  }

  scaled(inp: string, factor: number): string {
    return factor === 1 ? inp : this.op('Mul', [inp, this.scalar(factor)]);
  }

  /** cap · tanh(x / cap); x itself where cap is 0. */
  capped(inp: string, cap: number): string {
    return cap === 0 ? inp : this.scaled(this.op('Tanh', [this.scaled(inp, 1 / cap)]), cap);
  }

  activation(inp: string, kind: Activation): string {
    if (kind === 'relu') return this.op('Relu', [inp]);
    if (kind === 'silu') return this.op('Mul', [inp, this.op('Sigmoid', [inp])]);
    const bend = kind === 'gelu' ? this.op('Erf', [this.scaled(inp, Math.SQRT1_2)]) : this.geluTanh(inp);
    return this.op('Mul', [this.scaled(inp, 0.5), this.op('Add', [bend, this.scalar(1)])]);
  }

  /** tanh(√(2/π) (x + 0.044715 x³)). */
  private geluTanh(inp: string): string {
    const square = this.op('Mul', [inp, inp]);
    const inner = this.op('Add', [this.scaled(square, 0.044715), this.scalar(1)]);
    return this.op('Tanh', [this.scaled(this.op('Mul', [inp, inner]), Math.sqrt(2 / Math.PI))]);
  }

  /** weight · x / sqrt(mean(x²) + eps) over the last axis. */
  rmsnorm(inp: string, weight: string, eps: number): string {
    const squares = this.op('Mul', [inp, inp]);
    const mean = this.op('ReduceMean', [squares], { axes: [-1], keepdims: 1 });
    const root = this.op('Sqrt', [this.op('Add', [mean, this.scalar(eps)])]);
    return this.op('Mul', [this.op('Div', [inp, root]), weight]);
  }

  layernorm(inp: string, weight: string, bias: string, eps: number): string {
    return this.op('LayerNormalization', [inp, weight, bias], { axis: -1, epsilon: { float: eps } });
  }
}

/** (B,1,T,S) for each window: true where a key is hidden from a query. */
export type HiddenKeys = (window: number) => string;

/**
 * Which keys are hidden from which queries: those of a later position, padding, and those `window` or more positions
 * before (0: none). In int32, which the WebGPU provider computes. Keys are the T new tokens, or all P+T that `mask` speaks of:
 * it then says where queries stand too, because transformers.js counts the positions of Gemma 3 from 1.
 */
export function hiddenKeys(
  g: OnnxOps,
  positions: string,
  mask: string | undefined,
  layers: ModelConfig['layers'],
): HiddenKeys {
  const at = mask === undefined ? g.op('Cast', [positions], { to: INT32 }) : keyPositions(g, mask);
  const queries = g.op('Unsqueeze', [mask === undefined ? at : lastOf(g, at, positions), g.integers([1, 3])]);
  const keys = g.op('Unsqueeze', [at, g.integers([1, 2])]);
  const later = g.op('Greater', [keys, queries]);
  const masks = new Map([[0, later]]);
  for (const { window } of layers) {
    if (masks.has(window)) continue;
    const size = g.initializer(`window_${window}`, [], Int32Array.of(window));
    const early = g.op('LessOrEqual', [keys, g.op('Sub', [queries, size])]);
    masks.set(window, g.op('Or', [later, early]));
  }
  return (window) => masks.get(window) ?? later;
}

/** (B,T): the last T of (B,P+T), T as `like` (B,T) has it. */
function lastOf(g: OnnxOps, inp: string, like: string): string {
  const length = g.op('Gather', [g.op('Shape', [like]), g.integers([1])], { axis: 0 });
  return g.op('Slice', [inp, g.op('Neg', [length]), g.integers([END]), g.integers([1])]);
}

/** (B,P+T) position of every key, which is how many tokens stand before it; that of padding is after all others. */
function keyPositions(g: OnnxOps, mask: string): string {
  const present = g.op('Cast', [mask], { to: INT32 });
  const counted = g.op('CumSum', [present, g.initializer('key_axis', [], [1])]);
  const one = g.initializer('one', [], Int32Array.of(1));
  const never = g.initializer('never', [], Int32Array.of(NEVER));
  return g.op('Where', [g.op('Equal', [present, one]), g.op('Sub', [counted, one]), never]);
}
