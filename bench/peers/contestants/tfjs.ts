/** TensorFlow.js on its WebGPU backend: eager, `variableGrads` and `AdamOptimizer`, each step inside `tidy`. */
import '@tensorflow/tfjs-backend-webgpu';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import * as tf from '@tensorflow/tfjs-core';
import type { ModelConfig } from '../../../src/model/config';
import type { Contestant } from '../contest';
import { ADAM, CHECKED_STEPS, ropeTables, seededTokens, seededWeights, trainingWork } from '../decoder';

type Weights = (name: string) => tf.Tensor2D;

/** Opens TensorFlow.js's own device on `navigator.gpu`. */
export const tfjs: Contestant = async (id) => {
  const work = trainingWork(id);
  // Operations to a submit: 15 (its default), 60 and 1,000 took 317, 263 and 402 ms a step on llvmpipe, within a wide spread.
  tf.env().set('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE', 60);
  if (!(await tf.setBackend('webgpu'))) throw new Error('TensorFlow.js found no WebGPU');
  await tf.ready();
  const { config, batch: B, length: T } = work;
  const tokens = seededTokens(work);
  const inputs = tf.tensor1d(
    tokens.flatMap((row) => row.slice(0, T)),
    'int32',
  );
  const labels = tf.tensor1d(
    tokens.flatMap((row) => row.slice(1)),
    'int32',
  );
  const targets = tf.oneHot(labels, config.vocab_size);
  const tables = ropeTables(config, T);
  const rope = {
    cos: tf.tensor(tables.cos, [1, 1, T, config.head_dim]),
    sin: tf.tensor(tables.sin, [1, 1, T, config.head_dim]),
  };
  const later = tf.tensor(
    Float32Array.from({ length: T * T }, (_, i) => (i % T > Math.floor(i / T) ? -1e30 : 0)),
    [1, 1, T, T],
  );
  const variables = new Map(
    [...seededWeights(config)].map(([name, { data, shape }]) => [
      name,
      tf.variable(tf.tensor(data, shape), true, name),
    ]),
  );
  const weights: Weights = (name) => variables.get(name) as unknown as tf.Tensor2D;
  const adam = new tf.AdamOptimizer(ADAM.learning_rate, ADAM.beta1, ADAM.beta2, ADAM.eps);
  const run = async (): Promise<number> => {
    const loss = adam.minimize(() => lossOf(config, weights, { B, T, inputs, targets, rope, later }), true);
    if (!loss) throw new Error('TensorFlow.js returned no loss');
    const [value = Number.NaN] = await loss.data();
    loss.dispose();
    // The last variable that Adam writes: the step is done when it can be read.
    await weights('model.norm.weight').data();
    return value;
  };
  const answer: number[] = [];
  for (let i = 0; i < CHECKED_STEPS; i++) answer.push(await run());
  return { answer, run: async () => void (await run()) };
};

interface Batch {
  B: number;
  T: number;
  inputs: tf.Tensor1D;
  /** (B·T, V) one-hot. */
  targets: tf.Tensor;
  rope: { cos: tf.Tensor; sin: tf.Tensor };
  /** (1,1,T,T), a large negative number where the key is after the query. */
  later: tf.Tensor;
}

function lossOf(config: ModelConfig, weights: Weights, batch: Batch): tf.Scalar {
  const { num_attention_heads: NH, num_key_value_heads: NKV, head_dim: HS } = config;
  const { B, T, inputs, targets, rope, later } = batch;
  const linear = (x: tf.Tensor2D, name: string): tf.Tensor2D =>
    tf.matMul(x, weights(`${name}.weight`), false, true);
  const rmsnorm = (x: tf.Tensor2D, name: string): tf.Tensor2D => {
    const mean = tf.mean(tf.square(x), -1, true);
    return tf.mul(tf.mul(x, tf.rsqrt(tf.add(mean, config.norm.eps))), weights(`${name}.weight`));
  };
  const rotate = (x: tf.Tensor): tf.Tensor => {
    const [first, second] = tf.split(x, 2, -1) as [tf.Tensor, tf.Tensor];
    return tf.add(tf.mul(x, rope.cos), tf.mul(tf.concat([tf.neg(second), first], -1), rope.sin));
  };
  const embedding = weights('model.embed_tokens.weight');
  let hidden = tf.gather<tf.Tensor2D>(embedding, inputs);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}`;
    const normed = rmsnorm(hidden, `${at}.input_layernorm`);
    const heads = (name: string, count: number): tf.Tensor =>
      tf.transpose(tf.reshape(linear(normed, `${at}.self_attn.${name}`), [B, T, count, HS]), [0, 2, 1, 3]);
    const query = rotate(heads('q_proj', NH));
    const key = rotate(heads('k_proj', NKV));
    const scores = tf.mul(tf.matMul(query, key, false, true), 1 / Math.sqrt(HS));
    const mixed = tf.matMul(tf.softmax(tf.add(scores, later)), heads('v_proj', NKV));
    const attended = tf.reshape<tf.Rank.R2>(tf.transpose(mixed, [0, 2, 1, 3]), [B * T, NH * HS]);
    hidden = tf.add(hidden, linear(attended, `${at}.self_attn.o_proj`));
    const again = rmsnorm(hidden, `${at}.post_attention_layernorm`);
    const gate = linear(again, `${at}.mlp.gate_proj`);
    const activated = tf.mul(tf.mul(gate, tf.sigmoid(gate)), linear(again, `${at}.mlp.up_proj`));
    hidden = tf.add(hidden, linear(activated as tf.Tensor2D, `${at}.mlp.down_proj`));
  }
  const logits = tf.matMul(rmsnorm(hidden, 'model.norm'), embedding, false, true);
  return tf.neg(tf.mean<tf.Scalar>(tf.sum(tf.mul(tf.logSoftmax(logits), targets), -1)));
}
