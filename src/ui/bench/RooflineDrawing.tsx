import { useRef } from 'react';
import { formatValue } from '../../../bench/table';
import type { Roofline } from '../../../bench/figure';
import { usePlotSize, type PlotSize } from './plot_size';
import { describePoint, logScale, roofLine, type LogScale, type RooflinePoint } from './roofline_points';

const HUES = ['blue', 'orange', 'teal', 'magenta', 'olive'];

export const hueOf = (index: number): string => `var(--run-${HUES[index % HUES.length]})`;

/** The two scales, and where their values lie in the drawing. */
interface Axes {
  size: PlotSize;
  x: LogScale;
  y: LogScale;
  atX: (value: number) => number;
  atY: (value: number) => number;
}

function axesOf(size: PlotSize, x: LogScale, y: LogScale): Axes {
  const { width, height, left, right, top, bottom } = size;
  return {
    size,
    x,
    y,
    atX: (value) => left + x.at(value) * (width - left - right),
    atY: (value) => height - bottom - y.at(value) * (height - top - bottom),
  };
}

interface Props {
  points: readonly RooflinePoint[];
  shown: readonly RooflinePoint[];
  models: readonly string[];
  roofline: Roofline;
  onPoint: (point: RooflinePoint | null) => void;
}

/** The plot itself, as wide as its place: the scales are of all points, so that hiding some moves none. */
export function RooflineDrawing({ points, shown, models, roofline, onPoint }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const size = usePlotSize(frame);
  const x = logScale(points.map(({ intensity }) => intensity));
  const roof = roofLine(roofline, x);
  const y = logScale([...points.map(({ gflop_s }) => gflop_s), ...roof.map(([, top]) => top)]);
  const axes = axesOf(size, x, y);
  return (
    <div ref={frame}>
      <svg
        viewBox={`0 0 ${size.width} ${size.height}`}
        role="img"
        aria-label="Kernels by operations a byte and GFLOP/s"
      >
        <Grid {...axes} />
        <polyline
          className="roof"
          points={roof.map(([at, top]) => `${axes.atX(at)},${axes.atY(top)}`).join(' ')}
          fill="none"
        />
        <RoofLabels roofline={roofline} axes={axes} />
        {shown.map((point) => (
          <circle
            key={point.figure.name}
            cx={axes.atX(point.intensity)}
            cy={axes.atY(point.gflop_s)}
            r={size.width < 560 ? 4 : 5}
            fill={hueOf(models.indexOf(point.model))}
            onPointerEnter={() => onPoint(point)}
            onPointerLeave={() => onPoint(null)}
          >
            <title>{describePoint(point)}</title>
          </circle>
        ))}
      </svg>
    </div>
  );
}

function RoofLabels({ roofline, axes }: { roofline: Roofline; axes: Axes }) {
  const { copy_gb_s, fma_gflop_s } = roofline;
  const { size, atY } = axes;
  return (
    <g className="roof-label">
      {fma_gflop_s !== null && (
        <text x={size.width - size.right} y={atY(fma_gflop_s) - 8} textAnchor="end">
          FMA peak {formatValue(fma_gflop_s)} GFLOP/s
        </text>
      )}
      {copy_gb_s !== null && <SlopeLabel copy={copy_gb_s} axes={axes} />}
    </g>
  );
}

/** Lies along the slope, above it. */
function SlopeLabel({ copy, axes: { x, atX, atY } }: { copy: number; axes: Axes }) {
  const [x0, y0] = [atX(x.least), atY(x.least * copy)];
  const [x1, y1] = [atX(x.least * 10), atY(x.least * 10 * copy)];
  const angle = (Math.atan2(y1 - y0, x1 - x0) * 180) / Math.PI;
  return (
    <text x={x0 + 12} y={y0 - 10} transform={`rotate(${angle} ${x0} ${y0})`}>
      copy {formatValue(copy)} GB/s
    </text>
  );
}

function Grid({ size, x, y, atX, atY }: Axes) {
  const [left, right] = [size.left, size.width - size.right];
  return (
    <g className="roofline-grid">
      {y.ticks.map((tick) => (
        <g key={tick}>
          <line x1={left} x2={right} y1={atY(tick)} y2={atY(tick)} />
          <text x={left - 8} y={atY(tick) + 4} textAnchor="end">
            {tickText(tick)}
          </text>
        </g>
      ))}
      {x.ticks.map((tick) => (
        <text key={tick} x={atX(tick)} y={size.height - size.bottom + 18} textAnchor="middle">
          {tickText(tick)}
        </text>
      ))}
      <text x={right} y={size.height - 8} textAnchor="end">
        operations a byte
      </text>
      <text x={4} y={14}>
        GFLOP/s
      </text>
    </g>
  );
}

const tickText = (value: number): string => (value >= 1 ? formatValue(value) : String(value));
