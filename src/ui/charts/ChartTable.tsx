import { useState } from 'react';
import { formatNumber, formatPercent } from '../lib/format';
import type { Plot, PlotLine } from './build';
import type { Point } from './series';
import { tickText } from './tick_text';

interface Props {
  title: string;
  plot: Plot;
  percent: boolean;
}

const MOST_ROWS = 60;

/** The figures behind a chart. Built only while it is unfolded: a long run has thousands. */
export function ChartTable({ title, plot, percent }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <details className="chart-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Table</summary>
      {open && <Figures title={title} plot={plot} percent={percent} />}
    </details>
  );
}

function Figures({ title, plot, percent }: Props) {
  const steps = [...new Set(plot.lines.flatMap((line) => line.points.map((point) => point.step)))];
  steps.sort((a, b) => a - b);
  const every = Math.ceil(steps.length / MOST_ROWS);
  const rows = steps.filter((_, i) => i % Math.max(1, every) === 0 || i === steps.length - 1);
  const columns = plot.lines.map((line) => new Map(line.points.map((point) => [point.step, point])));
  const show = (point: Point | undefined) => {
    if (!point) return '';
    if (point.raw === null) return 'NaN';
    const text = percent ? formatPercent(point.raw) : formatNumber(point.raw);
    if (!point.band) return text;
    return `${text} (${formatPercent(point.band[0])} to ${formatPercent(point.band[1])})`;
  };
  if (rows.length === 0) return <p className="muted small">No values yet.</p>;
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label={`Figures of ${title}`}>
      <table className="figures">
        <thead>
          <tr>
            <th scope="col">Step</th>
            {plot.lines.map((line) => (
              <th scope="col" key={line.id}>
                {headOf(line)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((step) => (
            <tr key={step}>
              <th scope="row">{step}</th>
              {columns.map((column, i) => (
                <td key={plot.lines[i]?.id}>{show(column.get(step))}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <ul className="small muted" aria-label={`Marks of ${title}`}>
        {plot.ticks.map((tick, i) => (
          <li key={i}>{tickText(tick)}</li>
        ))}
      </ul>
      {every > 1 && <p className="muted small">Every {every}th step; an exported run holds them all.</p>}
    </div>
  );
}

function headOf(line: PlotLine): string {
  return line.spec.label === undefined ? line.run.name : `${line.run.name}, ${line.spec.label}`;
}
