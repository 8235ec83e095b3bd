import { isOnnxFile, ONNX_GRAPHS } from '../model/onnx_folder';
import type { HubFile } from './hub';

/** One of the graphs that a repository offers of a model, in f32, f16 or quantized. */
export interface OnnxVariant {
  /** Its path: "onnx/model_q4.onnx". */
  file: string;
  /** Of the graph and of the weights that lie beside it. */
  bytes: number;
  files: HubFile[];
}

/** The graphs of a repository that can begin a sequence, the most exact first, each with the weights beside it. */
export function onnxVariants(files: readonly HubFile[]): OnnxVariant[] {
  return files
    .filter(({ path }) => rank(path) >= 0)
    .sort((a, b) => rank(a.path) - rank(b.path) || a.path.localeCompare(b.path))
    .map(({ path: file }) => {
      const own = files.filter(({ path }) => path.startsWith(file) && isOnnxFile(path));
      return { file, bytes: own.reduce((sum, { size }) => sum + size, 0), files: own };
    });
}

const rank = (path: string): number => ONNX_GRAPHS.indexOf(/^(?:onnx\/)?([^/]+)$/.exec(path)?.[1] ?? '');
