import { memo, useState, type FormEvent } from 'react';
import type { EvaluationRecord, RunRecord } from '../../runs/run';
import { whatChanged } from '../lib/config';
import { formatPercent, formatSetting } from '../lib/format';
import { statusOf } from '../lib/status';
import { useEngine } from '../stores/engine';
import { renameRun, toggleShown, useRuns } from '../stores/runs';
import { judgedBy } from '../stores/run_state';
import { RunActions } from './RunActions';
import { Swatch } from './Swatch';

/** One run of the table. */
export const RunRow = memo(function RunRow({ id }: { id: string }) {
  const run = useRuns((state) => state.runs[id]);
  const shown = useRuns((state) => state.shown.includes(id));
  const colour = useRuns((state) => state.colours[id]);
  const recipes = useEngine((state) => state.catalogue?.recipes);
  const [renaming, setRenaming] = useState(false);
  if (!run) return null;
  const { record } = run;
  const recipe = recipes?.find((candidate) => candidate.id === record.recipe);
  const changed = whatChanged(record, recipe);
  const status = statusOf(run);
  return (
    <tr>
      <td>
        <input
          type="checkbox"
          checked={shown}
          onChange={() => toggleShown(id)}
          aria-label={`Show ${record.name} on the charts`}
        />
      </td>
      <th scope="row" id={`run-name-${id}`}>
        {renaming ? (
          <Rename record={record} close={() => setRenaming(false)} />
        ) : (
          <span className="row">
            <Swatch colour={colour} />
            {record.name}
            {run.recorded && <span className="tag">recorded</span>}
          </span>
        )}
      </th>
      <td>{recipe?.label ?? record.recipe}</td>
      <td className="changed-cell">
        <span className="muted">{record.preset}</span>{' '}
        {changed.map((name) => `${name} ${formatSetting(record.config[name])}`).join(', ')}
      </td>
      <td className={status.word === 'failed' ? 'fault' : undefined} title={record.error?.message}>
        {status.word}
      </td>
      <td>
        {record.status === 'stopped' ? `stopped at ${record.step}` : record.step} of {record.total_steps}
      </td>
      <td>
        <Accuracy evaluation={judgedBy(record)} />
      </td>
      <td>
        <RunActions run={run} rename={() => setRenaming(true)} />
      </td>
    </tr>
  );
});

function Accuracy({ evaluation }: { evaluation: EvaluationRecord | undefined }) {
  if (!evaluation) return <span className="muted">none yet</span>;
  const { accuracy, low, high, n, split, step } = evaluation;
  return (
    <span title={`${split}, greedy, at step ${step}; 95 % Wilson interval`}>
      <strong>{formatPercent(accuracy)}</strong>{' '}
      <span className="muted small help">
        {formatPercent(low)} to {formatPercent(high)}, n = {n}, {split}
      </span>
    </span>
  );
}

function Rename({ record, close }: { record: RunRecord; close: () => void }) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = new FormData(event.currentTarget).get('name');
    if (typeof name === 'string' && name.trim() !== '' && name !== record.name)
      void renameRun(record.id, name.trim());
    close();
  };
  return (
    <form className="row" onSubmit={submit}>
      <input
        type="text"
        name="name"
        defaultValue={record.name}
        aria-label={`New name of ${record.name}`}
        autoFocus
        onKeyDown={(event) => event.key === 'Escape' && close()}
      />
      <button type="submit" className="small">
        Rename
      </button>
    </form>
  );
}
