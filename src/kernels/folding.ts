import { eachPass } from '../gpu/counting';
import type { Gpu } from '../gpu/device';
import type { Kernel } from '../gpu/kernel';

/** Whether a kernel takes the grids of `grid1d`, which are folded into two dimensions where one cannot hold them. */
export const isFoldable = ({ wgsl }: Kernel): boolean => /\b(\w+)\.y \* \w+\.x \+ \1\.x\b/.test(wgsl);

/**
 * For tests: folds the dispatches of such kernels as if a dimension held one workgroup too few, so that small shapes cross
 * that switching point; from three workgroups on, some lie past the count. `crossed`: names of the kernels that were folded.
 */
export function foldEarly(gpu: Gpu, kernels: readonly Kernel[]): { crossed: Set<string>; end: () => void } {
  const foldable = new Set(kernels.filter(isFoldable).map(({ name }) => name));
  const crossed = new Set<string>();
  const end = eachPass(gpu.device, (pass) => {
    const [set, dispatch] = [pass.setPipeline.bind(pass), pass.dispatchWorkgroups.bind(pass)];
    let kernel = '';
    pass.setPipeline = (pipeline) => {
      kernel = pipeline.label;
      set(pipeline);
    };
    pass.dispatchWorkgroups = (x, y = 1, z = 1) => {
      if (!foldable.has(kernel) || x < 2 || y * z > 1) return dispatch(x, y, z);
      crossed.add(kernel);
      dispatch(x - 1, 2);
    };
  });
  return { crossed, end };
}
