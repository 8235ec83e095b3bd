import type { Gpu } from '../src/gpu/device';
import type { Figure } from './figure';
import type { Roofs } from './roofline/roofs';

/** What a suite works with. Everything that differs between Node and a browser is in here. */
export interface BenchContext {
  readonly gpu: Gpu;
  /** Measured before every suite. */
  readonly roofs: Roofs;
  /** Models to measure, by name; none: all of them. */
  readonly models: readonly string[];
  /** Bytes of a file of public/, by its path from there. */
  readonly read: (path: string) => Promise<Uint8Array>;
  /** Other settings from the command line, as text by name (`minutes` of the soak, `axis` of growth). */
  readonly settings: Readonly<Record<string, string | undefined>>;
  /** Takes a figure as soon as it is known. */
  readonly report: (figure: Figure) => void;
  /** A sentence for the reader: what was left out, and why. */
  readonly note: (sentence: string) => void;
}

/** A part of the bench: reports its figures one by one. Errors: a throw ends the suite, and the bench with it. */
export type Suite = (context: BenchContext) => Promise<void>;

/** A suite's module is loaded only when it is asked for. */
export type SuiteTable = Readonly<Record<string, () => Promise<Suite>>>;
