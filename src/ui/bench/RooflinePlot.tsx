import { useMemo, useState } from 'react';
import type { Figure, Roofline } from '../../../bench/figure';
import { hueOf, RooflineDrawing } from './RooflineDrawing';
import { bySize, describePoint, rooflinePoints, type RooflinePoint } from './roofline_points';

interface Props {
  figures: readonly Figure[];
  roofline: Roofline;
}

/** Every kernel by operations a byte and operations a second, under what the adapter allows. The tables say the same. */
export function RooflinePlot({ figures, roofline }: Props) {
  const points = useMemo(() => rooflinePoints(figures), [figures]);
  const models = bySize(points);
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
        {pointed ? describePoint(pointed) : 'Point at a kernel for its figures.'}
      </p>
      <RooflineDrawing
        points={points}
        shown={shown}
        models={models}
        roofline={roofline}
        onPoint={setPointed}
      />
    </figure>
  );
}
