import { lineColour, type RunColour } from '../lib/colours';

/** A run's colour; broken where its line is dashed. */
export function Swatch({ colour }: { colour: RunColour | undefined }) {
  const line = lineColour(colour);
  const background =
    (colour?.dash ?? 0) > 0 ? `repeating-linear-gradient(90deg, ${line} 0 3px, transparent 3px 5px)` : line;
  return <span className="swatch" style={{ background }} aria-hidden="true" />;
}
