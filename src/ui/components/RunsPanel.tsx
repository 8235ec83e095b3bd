import { useShallow } from 'zustand/react/shallow';
import { byAge, useRuns } from '../stores/runs';
import { DemoButton } from './DemoButton';
import { OpenRun } from './OpenRun';
import { RunRow } from './RunRow';

/** All runs this browser keeps, and the way in for those made elsewhere. */
export function RunsPanel() {
  const ids = useRuns(useShallow((state) => byAge(state.runs).map((run) => run.record.id)));
  return (
    <section className="panel" aria-label="All runs">
      <header className="panel-head">
        <h2 id="runs-title">Runs</h2>
        <span className="spacer" />
        <DemoButton />
        <OpenRun />
      </header>
      <div className="table-scroll" tabIndex={0} role="group" aria-label="Runs, scrolls sideways">
        <table className="runs" aria-labelledby="runs-title">
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
    </section>
  );
}
