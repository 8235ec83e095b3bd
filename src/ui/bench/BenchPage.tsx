import { FigureTables } from './FigureTables';
import { BenchControls } from './BenchControls';
import { formatValue } from '../../../bench/table';
import { RooflinePlot } from './RooflinePlot';
import { useBench } from './bench_store';

/** How fast this GPU trains and generates, beside what it could: measured here, opened from a file, or recorded. */
export function BenchPage() {
  const { figures, roofline, notes, problem } = useBench();
  return (
    <main className="bench">
      <header className="stack tight">
        <p className="small">
          <a href="./index.html">ReFT lab</a>
        </p>
        <h1>How fast is it here?</h1>
        <p className="bench-lead">
          First the adapter’s own limits are measured, then the lab’s kernels and whole steps beside them.
          Every figure is a median of repeats; nothing is sent anywhere.
        </p>
      </header>
      <BenchControls />
      <Facts />
      {problem !== null && (
        <p role="alert" className="bench-problem">
          {problem}
        </p>
      )}
      {roofline && <RooflinePlot figures={figures} roofline={roofline} />}
      {notes.length > 0 && (
        <ul className="bench-notes small muted">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      <FigureTables figures={figures} />
    </main>
  );
}

function Facts() {
  const { adapter, versions, roofline, phase } = useBench();
  if (phase === 'empty') return null;
  const rate = (value: number | null | undefined, unit: string): string =>
    value === undefined ? '…' : value === null ? 'unknown' : `${formatValue(value)} ${unit}`;
  const facts = [
    ['Adapter', adapter ?? '…'],
    ['Copy', rate(roofline?.copy_gb_s, 'GB/s')],
    ['FMA peak', rate(roofline?.fma_gflop_s, 'GFLOP/s')],
    ...Object.entries(versions),
  ];
  return (
    <dl className="bench-facts">
      {facts.map(([term, value]) => (
        <div key={term}>
          <dt className="small muted">{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
