import { useShallow } from 'zustand/react/shallow';
import { plural } from '../lib/format';
import { comparedPair, useComparison, type Compared } from '../stores/comparison';
import { useRuns } from '../stores/runs';

/** The first and the last shown run on the same held-out problems: who gains what, who loses what, and by chance or not. */
export function ComparePanel() {
  const compared = useComparison((state) => state.compared);
  const [a, b, nameA, nameB] = useRuns(
    useShallow((state) => {
      const pair = comparedPair(state);
      return pair ? [pair[0].record.id, pair[1].record.id, pair[0].record.name, pair[1].record.name] : [];
    }),
  );
  if (nameA === undefined || nameB === undefined) return null;
  const current = compared?.a === a && compared?.b === b ? compared : null;
  return (
    <section className="panel" aria-label="Comparison">
      <header className="panel-head">
        <h2>
          {nameB} against {nameA}
        </h2>
      </header>
      {current ? (
        <Verdict compared={current} nameA={nameA} nameB={nameB} />
      ) : (
        <p className="muted">Compared as soon as both runs have answered the same held-out problems.</p>
      )}
    </section>
  );
}

function Verdict({ compared, nameA, nameB }: { compared: Compared; nameA: string; nameB: string }) {
  const { comparison, split, steps } = compared;
  return (
    <>
      <p className="comparison">{comparison.sentence}.</p>
      <p className="muted small">
        {plural(comparison.n, `${split} problem`)} answered by both, greedy; {nameA} at step {steps.a},{' '}
        {nameB} at step {steps.b}. Both right {comparison.both}, both wrong {comparison.neither}. Exact
        McNemar test, two-sided.
        {split === 'validation' && ' Validation also chose the checkpoints: read this as a tendency.'}
      </p>
    </>
  );
}
