import { defineKernel, type Kernel } from '../gpu/kernel';
import { generateHead, type HeadKind } from './lm_head_generator';
import { headConfigurationNames, headName, headStoragesOf, type HeadConfiguration } from './lm_head_parts';
import type { VocabularyStorage } from './vocabulary';

/** The generated kernels of one kind of LM head. */
export interface HeadFamily<B extends string, P extends string> {
  /** Of one configuration, and of a head stored so; its text is written once. */
  kernel: (configuration: HeadConfiguration, storage?: VocabularyStorage) => Kernel<B, P>;
  /** Those that are tested. */
  tested: () => Kernel<B, P>[];
}

/** All of a kind share `binding`: its buffers and params. */
export function headFamily<B extends string, P extends string>(
  kind: HeadKind,
  binding: Pick<Kernel<B, P>, 'buffers' | 'params'>,
): HeadFamily<B, P> {
  const generated = new Map<string, Kernel<B, P>>();
  const kernel: HeadFamily<B, P>['kernel'] = (configuration, storage = 'f32') => {
    const name = headName(kind, configuration, storage);
    const known = generated.get(name);
    if (known) return known;
    const made = defineKernel({ name, wgsl: generateHead(kind, name, configuration, storage), ...binding });
    generated.set(name, made);
    return made;
  };
  const tested = (): Kernel<B, P>[] =>
    headConfigurationNames.flatMap((configuration) =>
      headStoragesOf(configuration).map((storage) => kernel(configuration, storage)),
    );
  return { kernel, tested };
}
