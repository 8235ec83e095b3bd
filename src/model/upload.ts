import type { Stream } from '../gpu/stream';
import { attentionTiles } from '../kernels/attention';
import { bucketTokens } from '../kernels/embedding';
import type { BatchInputs } from './activations';
import type { PackedBatch } from './batch';
import type { ModelConfig } from './config';
import type { BatchDims } from './layers/recorder';

const NO_ROW = 0xffffffff;

/** Queues the upload of a batch's indices and returns the dims its recorded dispatches are prepared with. */
export function uploadBatch(
  stream: Stream,
  inputs: BatchInputs,
  batch: PackedBatch,
  { learned_positions }: ModelConfig,
): BatchDims {
  const { tiles, count } = attentionTiles(batch.seqStart);
  const buckets = bucketTokens(batch.tokens);
  const positions =
    learned_positions && bucketTokens(batch.positions.map((at) => at + learned_positions.offset));
  const inverse = new Uint32Array(batch.tokens.length).fill(NO_ROW);
  batch.rows.forEach((n, m) => (inverse[n] = m));
  stream.upload(inputs.tokens, batch.tokens);
  stream.upload(inputs.positions, batch.positions);
  stream.upload(inputs.tiles, tiles);
  stream.upload(inputs.buckets, buckets.data);
  if (positions && inputs.positionBuckets) stream.upload(inputs.positionBuckets, positions.data);
  stream.upload(inputs.rows, batch.rows);
  stream.upload(inputs.inverse, inverse);
  stream.upload(inputs.targets, batch.targets);
  return {
    N: batch.tokens.length,
    M: batch.targets.length,
    tiles: count,
    distinct: buckets.U,
    distinctPositions: positions?.U ?? 0,
    coefficients: {},
  };
}
