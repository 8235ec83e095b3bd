import { useState } from 'react';
import type { CompletionRecord } from '../../runs/run';
import { textColour } from '../lib/colours';
import { formatTick } from '../lib/format';
import type { Answers } from '../lib/pairing';
import { useRuns } from '../stores/runs';
import type { RunState } from '../stores/run_state';

interface Props {
  runs: readonly RunState[];
  answers: readonly Answers[];
  problem: string | null;
}

interface Row {
  run: RunState;
  record: CompletionRecord;
}

/** One problem, and what each shown run wrote for it; on request at every step it was asked. */
export function CompletionsTable({ runs, answers, problem }: Props) {
  const [every, setEvery] = useState(false);
  const rows =
    problem === null ? [] : every ? allRows(runs, answers, problem) : latestRows(runs, answers, problem);
  const gold = rows[0]?.record;
  return (
    <div className="completion-view">
      {gold && (
        <p className="question">
          {gold.question}
          <span className="muted small gold">gold answer {gold.answer}</span>
        </p>
      )}
      <div className="table-scroll" tabIndex={0} role="group" aria-label="Completions, scrolls sideways">
        <table className="completion-table" aria-labelledby="completions-title">
          <thead>
            <tr>
              <th scope="col">Run</th>
              <th scope="col">Step</th>
              <th scope="col">Completion</th>
              <th scope="col">Extracted</th>
              <th scope="col">Gold</th>
              <th scope="col">Reward</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ run, record }) => (
              <CompletionRow key={`${run.record.id} ${record.step}`} run={run} record={record} />
            ))}
          </tbody>
        </table>
      </div>
      <label className="choice small">
        <input type="checkbox" checked={every} onChange={(event) => setEvery(event.target.checked)} />
        <span>Every step this problem was answered at</span>
      </label>
    </div>
  );
}

function CompletionRow({ run, record }: Row) {
  const colour = useRuns((state) => state.colours[run.record.id]);
  return (
    <tr>
      <th scope="row" style={{ color: textColour(colour) }}>
        {run.record.name}
      </th>
      <td>{record.step}</td>
      <td className="mono completion">
        {record.completion === '' ? <span className="muted">empty</span> : record.completion}
        <span className="muted small ending">
          {record.length} tokens{record.finish === 'length' ? ', cut at the limit' : ''}
        </span>
      </td>
      <td className="mono">{record.extracted ?? <span className="muted">none</span>}</td>
      <td className="mono">{record.answer}</td>
      <td>
        {formatTick(record.reward)} <span className="small muted">{record.correct ? 'right' : 'wrong'}</span>
      </td>
    </tr>
  );
}

function latestRows(runs: readonly RunState[], answers: readonly Answers[], problem: string): Row[] {
  return runs.flatMap((run, i) => {
    const record = answers[i]?.byProblem.get(problem);
    return record ? [{ run, record }] : [];
  });
}

function allRows(runs: readonly RunState[], answers: readonly Answers[], problem: string): Row[] {
  return runs.flatMap((run, i) => {
    const split = answers[i]?.split;
    const rows = run.completions.filter((row) => row.problem === problem && row.split === split);
    return rows.map((record) => ({ run, record }));
  });
}
