import { toggleShown, useRuns } from '../stores/runs';
import { Swatch } from './Swatch';

/** A run's name in its colour; pressing it puts the run on the charts or takes it off. */
export function RunChip({ id }: { id: string }) {
  const name = useRuns((state) => state.runs[id]?.record.name ?? '');
  const recorded = useRuns((state) => state.runs[id]?.recorded ?? false);
  const shown = useRuns((state) => state.shown.includes(id));
  const colour = useRuns((state) => state.colours[id]);
  return (
    <button
      type="button"
      className="run-chip"
      aria-pressed={shown}
      title={shown ? 'On the charts. Press to take it off.' : 'Not on the charts. Press to add it.'}
      onClick={() => toggleShown(id)}
    >
      <Swatch colour={colour} />
      {name}
      {recorded && <span className="tag">recorded</span>}
    </button>
  );
}
