import { useDeferredValue, useMemo, useState } from 'react';
import { useShallow } from 'zustand/react/shallow';
import { answersOf, problemsOf, splitsOf, type Answers, type Filter, type Split } from '../lib/pairing';
import { plural } from '../lib/format';
import { useRuns } from '../stores/runs';
import type { RunState } from '../stores/run_state';
import { shownRunsBy } from '../stores/shown_runs';
import { CompletionsTable } from './CompletionsTable';
import { ProblemList } from './ProblemList';

const SPLIT_LABELS: Record<Split, string> = {
  test: 'Test, greedy',
  validation: 'Validation, greedy',
  train: 'Training samples',
};

/** What the shown runs wrote for the same problem. */
export function CompletionsPanel() {
  const runs = useDeferredValue(useRuns(useShallow(writtenRuns)));
  const [split, setSplit] = useState<Split | null>(null);
  const [filter, setFilter] = useState<Filter>('all');
  const [problem, setProblem] = useState<string | null>(null);
  const splits = useMemo(() => splitsOf(runs), [runs]);
  const shared = splits.find((candidate) => runs.every((run) => splitsOf([run]).includes(candidate)));
  const chosen = split !== null && splits.includes(split) ? split : (shared ?? splits[0] ?? null);
  const answers = useMemo(() => (chosen ? runs.map((run) => answersOf(run, chosen)) : []), [runs, chosen]);
  const problems = useMemo(() => problemsOf(answers, filter), [answers, filter]);
  const current = problem !== null && problems.includes(problem) ? problem : (problems[0] ?? null);
  return (
    <section className="panel" aria-label="What they wrote">
      <header className="panel-head">
        <h2 id="completions-title">Completions</h2>
        <span className="spacer" />
        {chosen !== null && (
          <label className="row">
            <span className="small muted">Problems</span>
            <select
              value={chosen}
              onChange={(event) =>
                setSplit(splits.find((candidate) => candidate === event.target.value) ?? null)
              }
            >
              {splits.map((candidate) => (
                <option key={candidate} value={candidate}>
                  {SPLIT_LABELS[candidate]}
                </option>
              ))}
            </select>
          </label>
        )}
        <FilterChoice filter={filter} setFilter={setFilter} answers={answers} runs={runs} />
      </header>
      {chosen === null ? (
        <p className="muted">No completions yet. The first come with the first evaluation or rollout.</p>
      ) : (
        <div className="completions">
          <ProblemList problems={problems} answers={answers} current={current} choose={setProblem} />
          <CompletionsTable runs={runs} answers={answers} problem={current} />
        </div>
      )}
    </section>
  );
}

// A run that goes redraws completions only when it has written some.
const writtenRuns = shownRunsBy((run) => [run.completions, run.record.name, run.record.best?.step]);

interface FilterProps {
  filter: Filter;
  setFilter: (filter: Filter) => void;
  answers: readonly Answers[];
  runs: readonly RunState[];
}

function FilterChoice({ filter, setFilter, answers, runs }: FilterProps) {
  const pair = runs.length > 1;
  const first = runs[0]?.record.name ?? '';
  const last = runs.at(-1)?.record.name ?? '';
  const options: [Filter, string][] = [
    ['all', 'all'],
    ['right', pair ? 'right in all runs' : 'right'],
    ['wrong', pair ? 'wrong in all runs' : 'wrong'],
    ...(pair
      ? ([
          ['gained', `gained: ${last} right, ${first} wrong`],
          ['lost', `lost: ${first} right, ${last} wrong`],
        ] as [Filter, string][])
      : []),
  ];
  const known = options.some(([value]) => value === filter) ? filter : 'all';
  return (
    <label className="row">
      <span className="small muted">Show</span>
      <select
        value={known}
        onChange={(event) => setFilter(options.find(([value]) => value === event.target.value)?.[0] ?? 'all')}
      >
        {options.map(([value, label]) => (
          <option key={value} value={value}>
            {label} ({plural(problemsOf(answers, value).length, 'problem')})
          </option>
        ))}
      </select>
    </label>
  );
}
