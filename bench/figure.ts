/** What the bench writes: plain data, the same from Node and from a browser, read again by the lab's /bench page. */
export interface Figure {
  /** `part/what/whose`, e.g. `train_step/ours`; kernels carry their dims: `kernels/nano/matmul_nt/M=2112,N=128,K=64`. */
  name: string;
  value: number;
  unit: string;
  /** How many timed repeats the value is the median of; 1 for counts. */
  samples: number;
  /** Share of what the adapter's measured roof allows for this work; left out where no roof is known or none applies. */
  fraction_of_roof?: number;
}

/** The adapter's measured limits; null where a probe did not pass its own check. */
export interface Roofline {
  /** GB/s read plus written by a copy kernel. */
  copy_gb_s: number | null;
  /** GFLOP/s of fused multiply-adds, two operations each. */
  fma_gflop_s: number | null;
}

export interface Report {
  adapter: string;
  versions: Record<string, string>;
  roofline: Roofline;
  figures: Figure[];
}

/** How memory is passed: from one buffer to another, read and written in the same place, or read alone. */
export type Stream = 'copy' | 'in_place' | 'read';

/** Work of one sample, for its place under the roof. */
export interface Cost {
  flops: number;
  /** Bytes that must be read and written at least once. */
  bytes: number;
  /** What most of these bytes are; `copy` when left out. */
  stream?: Stream;
}

/** The middle value; the mean of the two middle ones of an even number. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const upper = sorted[Math.floor(half)] ?? Number.NaN;
  return Number.isInteger(half) ? ((sorted[half - 1] ?? Number.NaN) + upper) / 2 : upper;
}

/** A report with the figures of a later one on the same adapter added, those of the same name replaced. */
export function addFigures(report: Report, later: Report): Report {
  if (report.adapter !== later.adapter)
    throw new Error(`A report of ${report.adapter} takes no figures of ${later.adapter}.`);
  const figures = new Map([...report.figures, ...later.figures].map((figure) => [figure.name, figure]));
  return { ...later, figures: [...figures.values()] };
}

/**
 * Reads a report back. Errors: throws, in a sentence, when the text is no report of this bench.
 */
export function parseReport(text: string): Report {
  const refuse = (what: string): never => {
    throw new Error(`This is no report of the bench: ${what}.`);
  };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return refuse('the file is not JSON');
  }
  const isRecord = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const isRoof = (value: unknown): boolean => value === null || (typeof value === 'number' && value > 0);
  if (!isRecord(json)) return refuse('it holds no object');
  const { adapter, versions, roofline, figures } = json;
  if (typeof adapter !== 'string') return refuse('adapter is missing');
  if (!isRecord(versions)) return refuse('versions are missing');
  if (!isRecord(roofline) || !isRoof(roofline.copy_gb_s) || !isRoof(roofline.fma_gflop_s))
    return refuse('roofline must hold copy_gb_s and fma_gflop_s, each a positive number or null');
  if (!Array.isArray(figures)) return refuse('figures are missing');
  figures.forEach((figure: unknown, i) => {
    const isFigure =
      isRecord(figure) &&
      typeof figure.name === 'string' &&
      typeof figure.value === 'number' &&
      typeof figure.unit === 'string' &&
      typeof figure.samples === 'number' &&
      (figure.fraction_of_roof === undefined || typeof figure.fraction_of_roof === 'number');
    if (!isFigure) refuse(`figure ${i + 1} lacks name, value, unit or samples`);
  });
  return json as unknown as Report;
}
