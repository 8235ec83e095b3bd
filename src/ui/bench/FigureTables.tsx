import { parseKernelName } from '../../../bench/cost';
import type { Figure } from '../../../bench/figure';
import { formatFraction, formatValue } from '../../../bench/table';

const PARTS = [
  { id: 'roofline', title: 'The adapter’s limits' },
  { id: 'gemm_512', title: 'The square matmul' },
  { id: 'peers', title: 'Beside other libraries' },
  { id: 'steps', title: 'Whole steps' },
  { id: 'growth', title: 'Growth' },
  { id: 'counts', title: 'A steady step' },
  { id: 'kernels', title: 'Kernels' },
] as const;

const COUNTS = ['steady', 'dispatches_per_layer', 'bytes'];

/** Which table a figure belongs to, by the first part of its name. */
function partOf({ name }: Figure): (typeof PARTS)[number]['id'] {
  const first = name.split('/')[0] ?? '';
  if (COUNTS.includes(first)) return 'counts';
  return PARTS.find(({ id }) => id === first)?.id ?? 'peers';
}

/** Every figure, part by part. Unfolded unless it is long. */
export function FigureTables({ figures }: { figures: readonly Figure[] }) {
  return PARTS.map(({ id, title }) => {
    const own = figures.filter((figure) => partOf(figure) === id);
    if (own.length === 0) return null;
    return (
      <details key={id} className="bench-part" open={own.length <= 40}>
        <summary>
          <h2>{title}</h2> <span className="muted small">{own.length}</span>
        </summary>
        <div className="bench-table">
          <table aria-label={title}>
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col" className="number">
                  Value
                </th>
                <th scope="col">Unit</th>
                <th scope="col" className="number">
                  Samples
                </th>
                <th scope="col" title="Time at the measured roof over time taken">
                  Of the roof
                </th>
              </tr>
            </thead>
            <tbody>
              {own.map((figure) => (
                <Row key={figure.name} figure={figure} />
              ))}
            </tbody>
          </table>
        </div>
      </details>
    );
  });
}

function Row({ figure }: { figure: Figure }) {
  const { value, unit, samples, fraction_of_roof } = figure;
  return (
    <tr>
      <th scope="row" className="mono">
        {labelOf(figure)}
      </th>
      <td className="number">{formatValue(value)}</td>
      <td className="unit">{unit}</td>
      <td className="number samples">{samples}</td>
      <td>
        {fraction_of_roof !== undefined && (
          <span
            className="share"
            style={{ backgroundSize: `${Math.min(100, 100 * fraction_of_roof)}% 100%` }}
          >
            {formatFraction(fraction_of_roof)}
          </span>
        )}
      </td>
    </tr>
  );
}

function labelOf({ name }: Figure): string {
  const kernel = parseKernelName(name);
  if (!kernel) return name.replace(/^(steps|growth|roofline)\//, '');
  const dims = Object.entries(kernel.dims).map(([dim, value]) => `${dim}=${value}`);
  return [kernel.model, kernel.kernel, kernel.role, dims.join(' ')].filter(Boolean).join(' · ');
}
