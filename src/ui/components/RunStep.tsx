import { useId, useMemo, type ChangeEvent } from 'react';
import { useShallow } from 'zustand/react/shallow';
import type { RunRecord } from '../../runs/run';
import { plural } from '../lib/format';
import { report } from '../stores/notices';
import { byAge, useRuns } from '../stores/runs';
import { recipeOf, setInit, setName, useSetup } from '../stores/setup';
import { clearEvaluation, openBundledEvaluation, openEvaluationFile } from '../stores/setup_actions';
import { NumericsCheck } from './NumericsCheck';

/** What the run is called, where it starts, and what it is tested on at its end. */
export function RunStep() {
  const name = useSetup((state) => state.name);
  return (
    <div className="stack">
      <label className="stack tight">
        <span>Name</span>
        <input
          type="text"
          value={name}
          placeholder="named by the lab"
          onChange={(event) => setName(event.target.value)}
        />
      </label>
      <StartFrom />
      <Evaluation />
      <NumericsCheck />
    </div>
  );
}

/** ReFT may take the checkpoint of an earlier SFT run as its warm-up. */
function StartFrom() {
  const recipe = useSetup(recipeOf);
  const init = useSetup((state) => state.init);
  const records = useRuns(useShallow((state) => byAge(state.runs).map((run) => run.record)));
  const starts = useMemo(() => checkpointsOf(records), [records]);
  if (recipe === 'sft' || starts.length === 0) return null;
  const value = init.kind === 'model' ? '' : `${init.run} ${init.checkpoint}`;
  const choose = (event: ChangeEvent<HTMLSelectElement>) => {
    const start = starts.find(
      (candidate) => `${candidate.run} ${candidate.checkpoint}` === event.target.value,
    );
    setInit(start ? { kind: 'checkpoint', run: start.run, checkpoint: start.checkpoint } : { kind: 'model' });
  };
  return (
    <label className="stack tight">
      <span>Start from</span>
      <select value={value} onChange={choose}>
        <option value="">the model, with its own warm-up</option>
        {starts.map((start) => (
          <option key={`${start.run} ${start.checkpoint}`} value={`${start.run} ${start.checkpoint}`}>
            {start.label}
          </option>
        ))}
      </select>
    </label>
  );
}

function checkpointsOf(records: readonly RunRecord[]): { run: string; checkpoint: string; label: string }[] {
  return records
    .filter((record) => record.recipe === 'sft')
    .flatMap((record) =>
      record.events
        .filter(({ kind }) => kind === 'checkpoint' || kind === 'warmup_end')
        .map((event) => ({
          run: record.id,
          checkpoint: String(event.step),
          label: `${record.name}, step ${event.step}`,
        })),
    );
}

function Evaluation() {
  const id = useId();
  const evaluation = useSetup((state) => state.evaluation);
  const bundled = useSetup((state) => state.bundled);
  const pick = (event: ChangeEvent<HTMLInputElement>) => {
    const [file] = event.target.files ?? [];
    event.target.value = '';
    if (file) openEvaluationFile(file).catch(report);
  };
  return (
    <div className="stack tight">
      <label htmlFor={id}>Evaluation file</label>
      <span className="muted small">
        Optional. Graded once at the end, never used to choose a checkpoint; without one, the best validation
        accuracy stands.
      </span>
      <input id={id} type="file" accept=".json,.jsonl,.txt,application/json" onChange={pick} />
      {bundled !== null && !evaluation && (
        <button type="button" className="small" onClick={() => void openBundledEvaluation(bundled)}>
          Use the bundled test problems
        </button>
      )}
      {evaluation && (
        <p className="small row">
          {evaluation.name}, {plural(evaluation.usable, 'problem')}
          {evaluation.bad.length > 0 && `, ${plural(evaluation.bad.length, 'row')} left out`}
          <button type="button" className="quiet small" onClick={clearEvaluation}>
            Remove
          </button>
        </p>
      )}
    </div>
  );
}
