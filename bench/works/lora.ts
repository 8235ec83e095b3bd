import { loraExpand, loraExpandBackward, loraExpandLaunch } from '../../src/kernels/lora';
import type { KernelWork } from '../kernel_work';
import type { Shapes } from '../shapes';
import { plainWork } from './layer';

const RANK = 8;

/** Once an update: queries' B beside those of keys and values, of the common rank. */
export function loraWorks({ NH, HS, QKV }: Shapes): KernelWork[] {
  const dims = { rows: NH * HS, r: RANK, width: 3 * RANK };
  const launch = loraExpandLaunch({ ...dims, row0: 0, start: 0, scale: 2 });
  const [block, whole] = [dims.rows * RANK, QKV * dims.width];
  return [
    plainWork(loraExpand, dims, { inp: block, out: whole }, launch),
    plainWork(loraExpandBackward, dims, { dout: whole, dinp: block }, launch),
  ];
}
