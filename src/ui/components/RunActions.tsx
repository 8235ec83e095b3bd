import { useState } from 'react';
import { saveFile } from '../lib/download';
import { engine } from '../stores/engine';
import { report } from '../stores/notices';
import { deleteRun } from '../stores/runs';
import { isActive, type RunState } from '../stores/run_state';

interface Props {
  run: RunState;
  rename: () => void;
}

/** What can be done with a run. Deleting asks once more, in place. */
export function RunActions({ run, rename }: Props) {
  const { id } = run.record;
  const [asking, setAsking] = useState(false);
  const [exporting, setExporting] = useState(false);
  if (run.recorded) return <span className="muted small">shipped with the lab</span>;
  const exportNow = async () => {
    setExporting(true);
    try {
      saveFile(await engine().request('export_run', { run: id }));
    } catch (error) {
      report(error);
    } finally {
      setExporting(false);
    }
  };
  if (asking) {
    return (
      <span className="row" role="group" aria-label={`Delete ${run.record.name}?`}>
        <button type="button" className="small danger" onClick={() => void deleteRun(id)} autoFocus>
          Delete for good
        </button>
        <button type="button" className="small" onClick={() => setAsking(false)}>
          Keep
        </button>
      </span>
    );
  }
  const about = `run-name-${id}`;
  const going = run.live !== null && isActive(run.record);
  return (
    <span className="row">
      <button
        type="button"
        className="small"
        disabled={exporting}
        aria-describedby={about}
        onClick={() => void exportNow()}
      >
        Export run
      </button>
      <button type="button" className="quiet small" aria-describedby={about} onClick={rename}>
        Rename
      </button>
      <button
        type="button"
        className="quiet small"
        disabled={going}
        aria-describedby={about}
        onClick={() => setAsking(true)}
      >
        Delete
      </button>
    </span>
  );
}
