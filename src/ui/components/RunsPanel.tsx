import { useShallow } from 'zustand/react/shallow';
import { byAge, useRuns } from '../stores/runs';
import { DemoButton } from './DemoButton';
import { OpenRun } from './OpenRun';
import { RunRow } from './RunRow';

/** All runs this browser keeps, the way in for those made elsewhere, and the recorded ones that come with the lab. */
export function RunsPanel() {
  const own = useRuns(useShallow((state) => idsOf(state, false)));
  const recorded = useRuns(useShallow((state) => idsOf(state, true)));
  const recordings = <RunsTable name="Recorded demo" ids={recorded} />;
  return (
    <section className="panel" aria-label="All runs">
      <header className="panel-head">
        <h2>{own.length > 0 ? 'Runs' : 'Recorded demo'}</h2>
        <span className="spacer" />
        {own.length > 0 && (
          <>
            <DemoButton />
            <OpenRun />
          </>
        )}
      </header>
      {own.length > 0 && <RunsTable name="Runs" ids={own} />}
      {own.length === 0 && recordings}
      {own.length > 0 && recorded.length > 0 && (
        <details>
          <summary>Recorded demo ({recorded.length})</summary>
          {recordings}
        </details>
      )}
    </section>
  );
}

function idsOf(state: ReturnType<typeof useRuns.getState>, recorded: boolean): string[] {
  return byAge(state.runs)
    .filter((run) => run.recorded === recorded)
    .map((run) => run.record.id);
}

function RunsTable({ name, ids }: { name: string; ids: readonly string[] }) {
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label={`${name}, scrolls sideways`}>
      <table className="runs" aria-label={name}>
        <thead>
          <tr>
            <th scope="col">
              <span className="visually-hidden">On the charts</span>
            </th>
            <th scope="col">Name</th>
            <th scope="col">Recipe</th>
            <th scope="col">What changed</th>
            <th scope="col">Status</th>
            <th scope="col">Step</th>
            <th scope="col">Accuracy</th>
            <th scope="col">Actions</th>
          </tr>
        </thead>
        <tbody>
          {ids.map((id) => (
            <RunRow key={id} id={id} />
          ))}
        </tbody>
      </table>
    </div>
  );
}
