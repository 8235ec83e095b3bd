import { useMemo, useState } from 'react';
import { formatFraction, formatValue } from '../../../bench/table';
import type { Figure, Roofline } from '../../../bench/figure';
import { logScale, roofLine, rooflinePoints, type LogScale, type RooflinePoint } from './roofline_points';

const WIDTH = 960;
const HEIGHT = 420;
const PLOT = { left: 64, right: 24, top: 28, bottom: 48 };
const HUES = ['blue', 'orange', 'teal', 'magenta', 'olive'];

const xOf = (scale: LogScale, value: number): number =>
  PLOT.left + scale.at(value) * (WIDTH - PLOT.left - PLOT.right);
const yOf = (scale: LogScale, value: number): number =>
  HEIGHT - PLOT.bottom - scale.at(value) * (HEIGHT - PLOT.top - PLOT.bottom);

interface Props {
  figures: readonly Figure[];
  roofline: Roofline;
}

/** Every kernel by operations a byte and operations a second, under what the adapter allows. The tables say the same. */
export function RooflinePlot({ figures, roofline }: Props) {
  const points = useMemo(() => rooflinePoints(figures), [figures]);
  const models = [...new Set(points.map(({ model }) => model))];
  const [hidden, setHidden] = useState<readonly string[]>([]);
  const [pointed, setPointed] = useState<RooflinePoint | null>(null);
  if (points.length === 0)
    return <p className="muted bench-empty">The plot appears with the first kernels of a run.</p>;
  const shown = points.filter(({ model }) => !hidden.includes(model));
  const toggle = (model: string) =>
    setHidden(hidden.includes(model) ? hidden.filter((other) => other !== model) : [...hidden, model]);
  return (
    <figure className="roofline" aria-label="Roofline">
      <figcaption>
        <h2>Kernels under the roof</h2>
        <span className="row wrap">
          {models.map((model, i) => (
            <button
              key={model}
              type="button"
              className="quiet small"
              aria-pressed={!hidden.includes(model)}
              onClick={() => toggle(model)}
            >
              <span className="bench-swatch" style={{ background: hueOf(i) }} aria-hidden="true" />
              {model}
            </button>
          ))}
        </span>
      </figcaption>
      <p className="small roofline-readout" aria-live="polite">
        {pointed ? describe(pointed) : 'Point at a kernel for its figures.'}
      </p>
      <div className="roofline-scroll">
        <Drawing points={points} shown={shown} models={models} roofline={roofline} onPoint={setPointed} />
      </div>
    </figure>
  );
}

interface DrawingProps {
  points: readonly RooflinePoint[];
  shown: readonly RooflinePoint[];
  models: readonly string[];
  roofline: Roofline;
  onPoint: (point: RooflinePoint | null) => void;
}

function Drawing({ points, shown, models, roofline, onPoint }: DrawingProps) {
  const x = logScale(points.map(({ intensity }) => intensity));
  const roof = roofLine(roofline, x);
  const y = logScale([...points.map(({ gflop_s }) => gflop_s), ...roof.map(([, top]) => top)]);
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label="Kernels by operations a byte and GFLOP/s">
      <Grid x={x} y={y} />
      <polyline
        className="roof"
        points={roof.map(([i, top]) => `${xOf(x, i)},${yOf(y, top)}`).join(' ')}
        fill="none"
      />
      <RoofLabels roofline={roofline} x={x} y={y} />
      {shown.map((point) => (
        <circle
          key={point.figure.name}
          cx={xOf(x, point.intensity)}
          cy={yOf(y, point.gflop_s)}
          r={5}
          fill={hueOf(models.indexOf(point.model))}
          onPointerEnter={() => onPoint(point)}
          onPointerLeave={() => onPoint(null)}
        >
          <title>{describe(point)}</title>
        </circle>
      ))}
    </svg>
  );
}

function RoofLabels({ roofline, x, y }: { roofline: Roofline; x: LogScale; y: LogScale }) {
  const { copy_gb_s, fma_gflop_s } = roofline;
  return (
    <g className="roof-label">
      {fma_gflop_s !== null && (
        <text x={WIDTH - PLOT.right} y={yOf(y, fma_gflop_s) - 8} textAnchor="end">
          FMA peak {formatValue(fma_gflop_s)} GFLOP/s
        </text>
      )}
      {copy_gb_s !== null && <SlopeLabel copy={copy_gb_s} x={x} y={y} />}
    </g>
  );
}

/** Lies along the slope, above it. */
function SlopeLabel({ copy, x, y }: { copy: number; x: LogScale; y: LogScale }) {
  const [x0, y0] = [xOf(x, x.least), yOf(y, x.least * copy)];
  const [x1, y1] = [xOf(x, x.least * 10), yOf(y, x.least * 10 * copy)];
  const angle = (Math.atan2(y1 - y0, x1 - x0) * 180) / Math.PI;
  return (
    <text x={x0 + 12} y={y0 - 10} transform={`rotate(${angle} ${x0} ${y0})`}>
      copy {formatValue(copy)} GB/s
    </text>
  );
}

function Grid({ x, y }: { x: LogScale; y: LogScale }) {
  const [left, right] = [PLOT.left, WIDTH - PLOT.right];
  return (
    <g className="roofline-grid">
      {y.ticks.map((tick) => (
        <g key={tick}>
          <line x1={left} x2={right} y1={yOf(y, tick)} y2={yOf(y, tick)} />
          <text x={left - 8} y={yOf(y, tick) + 4} textAnchor="end">
            {tickText(tick)}
          </text>
        </g>
      ))}
      {x.ticks.map((tick) => (
        <text key={tick} x={xOf(x, tick)} y={HEIGHT - PLOT.bottom + 18} textAnchor="middle">
          {tickText(tick)}
        </text>
      ))}
      <text x={right} y={HEIGHT - 8} textAnchor="end">
        operations a byte
      </text>
      <text x={left} y={14}>
        GFLOP/s
      </text>
    </g>
  );
}

const hueOf = (index: number): string => `var(--run-${HUES[index % HUES.length]})`;

const tickText = (value: number): string => (value >= 1 ? formatValue(value) : String(value));

function describe({ figure, intensity, gflop_s }: RooflinePoint): string {
  const { name, value, unit, fraction_of_roof } = figure;
  const rate = unit === 'GFLOP/s' ? '' : ` = ${formatValue(gflop_s)} GFLOP/s`;
  const share = fraction_of_roof === undefined ? '' : `, ${formatFraction(fraction_of_roof)} of the roof`;
  return `${name.replace('kernels/', '')}: ${formatValue(value)} ${unit}${rate} at ${formatValue(intensity)} operations a byte${share}`;
}
