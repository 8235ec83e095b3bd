/** Generalized advantage estimation (Schulman et al. 2016, arXiv:1506.02438, eq. 16) over one completion. */

/** Numbers per token, as they come from the GPU or from here. */
export type Tokens = Float32Array | Float64Array | readonly number[];

/**
 * delta[t] = reward[t] + gamma V[t+1] − V[t], with V = 0 after the last token;
 * advantage[t] = delta[t] + gamma lam advantage[t+1];  return[t] = advantage[t] + V[t].
 * @param rewards per completion token, KL and score included (T)
 * @param values V_old of the same tokens (T)
 * @returns un-whitened advantages and returns (T)
 */
export function gae(input: { rewards: Tokens; values: Tokens; gamma: number; lam: number }): {
  advantages: Float64Array;
  returns: Float64Array;
} {
  const { rewards, values, gamma, lam } = input;
  const length = rewards.length;
  const advantages = new Float64Array(length);
  const returns = new Float64Array(length);
  let next = 0;
  for (let t = length - 1; t >= 0; t--) {
    const value = values[t] ?? 0;
    const valueAfter = t + 1 < length ? (values[t + 1] ?? 0) : 0;
    const delta = (rewards[t] ?? 0) + gamma * valueAfter - value;
    next = delta + gamma * lam * next;
    advantages[t] = next;
    returns[t] = next + value;
  }
  return { advantages, returns };
}
