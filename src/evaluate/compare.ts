/** Two models on the same problems: who answers what right that the other gets wrong, and whether it may be chance. */

/**
 * McNemar's exact test: the two-sided binomial probability of a split at least as uneven as `gained` to `lost` when
 * either is as likely as the other. 1 when they do not differ on any problem.
 */
export function mcnemar(gained: number, lost: number): number {
  const n = gained + lost;
  const fewer = Math.min(gained, lost);
  let logTerm = -n * Math.LN2; // log of C(n, i) / 2^n at i = 0
  let tail = 0;
  for (let i = 0; i <= fewer; i++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((n - i) / (i + 1));
  }
  return Math.min(1, 2 * tail);
}

/** How model B does against model A on the problems both answered. */
export interface Comparison {
  /** Problems both answered. */
  n: number;
  /** Both right; both wrong. */
  both: number;
  neither: number;
  /** B right and A wrong; A right and B wrong. */
  gained: number;
  lost: number;
  /** Exact two-sided McNemar. */
  p: number;
  /** All of it for people. */
  sentence: string;
}

/**
 * Compares `b` with `a`, problem by problem; problems only one of them answered are left out.
 * @param a whether each problem was answered right, by its id
 * @param names for the sentence
 */
export function compareRuns(
  a: ReadonlyMap<string, boolean>,
  b: ReadonlyMap<string, boolean>,
  names: { a: string; b: string } = { a: 'SFT', b: 'ReFT' },
): Comparison {
  const counts = { both: 0, neither: 0, gained: 0, lost: 0 };
  for (const [problem, right] of a) {
    const other = b.get(problem);
    if (other === undefined) continue;
    counts[right ? (other ? 'both' : 'lost') : other ? 'gained' : 'neither'] += 1;
  }
  const n = counts.both + counts.neither + counts.gained + counts.lost;
  const p = mcnemar(counts.gained, counts.lost);
  return { n, ...counts, p, sentence: sentenceOf(names, n, counts.gained, counts.lost, p) };
}

function sentenceOf(
  names: { a: string; b: string },
  n: number,
  gained: number,
  lost: number,
  p: number,
): string {
  if (n === 0) return `${names.b} and ${names.a} have no problem in common, so they cannot be compared.`;
  const facts = `(p ${shownP(p)}, n = ${n})`;
  if (gained === 0 && lost === 0) return `${names.b} and ${names.a} answer the same problems right ${facts}`;
  const problems = gained === 1 ? 'problem' : 'problems';
  return `${names.b} answers ${gained} ${problems} right that ${names.a} gets wrong, and loses ${lost} ${facts}`;
}

/** A p-value with "=" or "<": one digit that counts below 0.01, two above. */
function shownP(p: number): string {
  if (p < 0.0001) return '< 0.0001';
  if (p < 0.01) return `= ${Number(p.toPrecision(1))}`;
  return `= ${Number(p.toPrecision(2))}`;
}
