/** jax-js: the whole step, loss, gradients and Adam, in one `jit`. */
import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax';
import type { ModelConfig } from '../../../src/model/config';
import type { Contestant } from '../contest';
import { ADAM, CHECKED_STEPS, ropeTables, seededTokens, seededWeights, trainingWork } from '../decoder';

type Tensor = np.Array;
type Tree = Record<string, Tensor>;

/** Opens jax-js's own device on `navigator.gpu`. */
export const jaxJs: Contestant = async (id) => {
  const work = trainingWork(id);
  const devices = await init('webgpu');
  if (!devices.includes('webgpu')) throw new Error('jax-js found no WebGPU');
  defaultDevice('webgpu');
  const { config, length: T } = work;
  const tokens = seededTokens(work);
  const int32 = (rows: number[][]): Tensor => np.array(Int32Array.from(rows.flat()));
  const inputs = int32(tokens.map((row) => row.slice(0, T)));
  const targets = int32(tokens.map((row) => row.slice(1)));
  const tables = ropeTables(config, T);
  const table = (values: Float32Array<ArrayBuffer>): Tensor =>
    np.array(values).reshape([1, T, 1, config.head_dim]);
  const rope = { cos: table(tables.cos), sin: table(tables.sin) };

  const weights = seededWeights(config);
  let params: Tree = mapValues(Object.fromEntries(weights), ({ data, shape }) =>
    np.array(data).reshape(shape),
  );
  const zeros = (): Tree => mapValues(Object.fromEntries(weights), ({ shape }) => np.zeros(shape));
  let m = zeros();
  let v = zeros();
  let updates = 0;

  const step = jit(
    (
      params: Tree,
      m: Tree,
      v: Tree,
      rates: Tensor,
      inputs: Tensor,
      targets: Tensor,
      cos: Tensor,
      sin: Tensor,
    ) => {
      const [loss, grads] = valueAndGrad((p: Tree) => lossOf(config, p, inputs, targets, { cos, sin }))(
        refs(params),
      );
      const next = { params: {} as Tree, m: {} as Tree, v: {} as Tree };
      const [rate, root] = [rates.ref.slice(0), rates.slice(1)];
      for (const name of Object.keys(params)) {
        const grad = grads[name]!;
        const first = m[name]!.mul(ADAM.beta1).add(grad.ref.mul(1 - ADAM.beta1));
        const second = v[name]!.mul(ADAM.beta2).add(np.square(grad).mul(1 - ADAM.beta2));
        next.m[name] = first.ref;
        next.v[name] = second.ref;
        const scale = np.sqrt(second).div(root.ref).add(ADAM.eps);
        next.params[name] = params[name]!.sub(first.mul(rate.ref).div(scale));
      }
      rate.dispose();
      root.dispose();
      return { loss, ...next };
    },
  );

  const once = (): Tensor => {
    updates += 1;
    // Bias correction as two scalars, so that one compiled step serves every update.
    const rates = np.array(
      Float32Array.of(ADAM.learning_rate / (1 - ADAM.beta1 ** updates), Math.sqrt(1 - ADAM.beta2 ** updates)),
    );
    const next = step(params, m, v, rates, inputs.ref, targets.ref, rope.cos.ref, rope.sin.ref);
    ({ params, m, v } = next);
    return next.loss;
  };
  const run = async (): Promise<number> => {
    const loss = once();
    await blockUntilReady([params, m, v]);
    return (await loss.data())[0] ?? Number.NaN;
  };
  const answer: number[] = [];
  for (let i = 0; i < CHECKED_STEPS; i++) answer.push(await run());
  return { answer, run: async () => void (await run()) };
};

function lossOf(
  config: ModelConfig,
  p: Tree,
  inputs: Tensor,
  targets: Tensor,
  rope: { cos: Tensor; sin: Tensor },
): Tensor {
  const { num_attention_heads: NH, num_key_value_heads: NKV, head_dim: HS, vocab_size: V } = config;
  const T = rope.cos.shape[1]!;
  const B = inputs.shape[0]! / T;
  const embedding = p['model.embed_tokens.weight']!;
  const linear = (x: Tensor, name: string): Tensor => np.matmul(x, np.transpose(p[`${name}.weight`]!));
  const rmsnorm = (x: Tensor, name: string): Tensor => {
    const mean = np.mean(np.square(x.ref), -1, { keepdims: true });
    return x.mul(np.reciprocal(np.sqrt(mean.add(config.norm.eps)))).mul(p[`${name}.weight`]!);
  };
  const rotate = (x: Tensor): Tensor => {
    const [first, second] = np.split(x.ref, 2, -1) as [Tensor, Tensor];
    return x.mul(rope.cos.ref).add(np.concatenate([second.neg(), first], -1).mul(rope.sin.ref));
  };
  let hidden = np.take(embedding.ref, inputs, 0);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}`;
    const normed = rmsnorm(hidden.ref, `${at}.input_layernorm`);
    const heads = (name: string, count: number): Tensor =>
      linear(normed.ref, `${at}.self_attn.${name}`).reshape([B, T, count, HS]);
    const query = rotate(heads('q_proj', NH));
    const key = rotate(heads('k_proj', NKV));
    const value = heads('v_proj', NKV);
    normed.dispose();
    const byHead = (x: Tensor): Tensor => np.transpose(x, [0, 2, 1, 3]);
    const scores = np.matmul(byHead(query), np.transpose(byHead(key), [0, 1, 3, 2])).mul(1 / Math.sqrt(HS));
    const causal = np.where(np.tri(T, T, 0, { dtype: np.bool }), scores, -1e30);
    const mixed = np.matmul(nn.softmax(causal, -1), byHead(value));
    const attended = np.transpose(mixed, [0, 2, 1, 3]).reshape([B * T, NH * HS]);
    hidden = hidden.add(linear(attended, `${at}.self_attn.o_proj`));
    const again = rmsnorm(hidden.ref, `${at}.post_attention_layernorm`);
    const gate = nn.silu(linear(again.ref, `${at}.mlp.gate_proj`));
    hidden = hidden.add(linear(gate.mul(linear(again, `${at}.mlp.up_proj`)), `${at}.mlp.down_proj`));
  }
  const logits = np.matmul(rmsnorm(hidden, 'model.norm'), np.transpose(embedding));
  const logp = nn.logSoftmax(logits, -1);
  rope.cos.dispose();
  rope.sin.dispose();
  const isTarget = np.equal(targets.reshape([B * T, 1]), np.arange(V));
  return np
    .where(isTarget, logp, 0)
    .sum()
    .mul(-1 / (B * T));
}

const mapValues = <A, B>(record: Record<string, A>, f: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value)]));
const refs = (tree: Tree): Tree => mapValues(tree, (array) => array.ref);
