/** How per-token terms become one loss: the weight each token's term carries. Their sum over tokens is the loss. */
export type Aggregation = 'token-mean' | 'seq-mean-token-mean' | 'seq-mean-token-sum';

/**
 * Weight of each token, per sequence of the minibatch (the names are verl's `loss_agg_mode`):
 * `token-mean` 1 / all tokens; `seq-mean-token-mean` 1 / (its length · sequences); `seq-mean-token-sum` 1 / sequences.
 * @param lengths completion tokens of each sequence
 */
export function tokenWeights(aggregation: Aggregation, lengths: readonly number[]): number[] {
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  return lengths.map((length) => {
    if (length === 0) return 0;
    switch (aggregation) {
      case 'token-mean':
        return 1 / tokens;
      case 'seq-mean-token-mean':
        return 1 / (length * lengths.length);
      case 'seq-mean-token-sum':
        return 1 / lengths.length;
    }
  });
}
