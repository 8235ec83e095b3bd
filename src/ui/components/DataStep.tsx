import { useEngine } from '../stores/engine';
import { hasOwnRuns, useRuns } from '../stores/runs';
import { setPreviewOpen, useSetup } from '../stores/setup';
import { openBundledDataset } from '../stores/setup_actions';
import { DATASET_FORMATS } from '../lib/datasets';
import { plural } from '../lib/format';
import { DropZone } from './DropZone';

/** Which problems to train on: bundled ones, or a file of one's own. */
export function DataStep() {
  const problems = useEngine((state) => state.catalogue?.problems);
  const bundled = useSetup((state) => state.bundled);
  const dataset = useSetup((state) => state.dataset);
  const fresh = !useRuns(hasOwnRuns) && dataset === null;
  return (
    <div className="stack">
      {/* On the first screen the drop zone stands in the centre of the page. */}
      {!fresh && <DropZone />}
      <fieldset className="stack tight">
        <legend>Bundled problems</legend>
        {problems?.map((set) => (
          <label key={set.id} className="choice">
            <input
              type="radio"
              name="bundled-problems"
              checked={bundled === set.id}
              onChange={() => void openBundledDataset(set.id)}
            />
            <span>
              {set.label}
              <span className="muted small help">{set.help}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {dataset && (
        <p className="small">
          {dataset.name}: {DATASET_FORMATS[dataset.format]}, {plural(dataset.rows, 'row')}.{' '}
          {dataset.hasCot ? 'With worked solutions.' : 'Answers only: for ReFT and evaluation, not for SFT.'}{' '}
          <button type="button" className="quiet small" onClick={() => setPreviewOpen(true)}>
            Show preview
          </button>
        </p>
      )}
    </div>
  );
}
