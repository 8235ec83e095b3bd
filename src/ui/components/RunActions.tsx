import { useState } from 'react';
import { saveFile } from '../lib/download';
import { engine } from '../stores/engine';
import { deleteRun } from '../stores/runs';
import { hasModel, openTryPrompt } from '../stores/try_prompt';
import { isActive, type RunState } from '../stores/run_state';
import { DownloadButton } from './DownloadButton';
import { ExportModel } from './ExportModel';

interface Props {
  run: RunState;
  rename: () => void;
}

/** What can be done with a run. Deleting asks once more, and the formats of a model are offered, in place. */
export function RunActions({ run, rename }: Props) {
  const { id, name } = run.record;
  const [shown, setShown] = useState<'all' | 'delete' | 'model'>('all');
  const back = () => setShown('all');
  if (run.recorded) return <span className="muted small">shipped with the lab</span>;
  if (shown === 'model') return <ExportModel record={run.record} close={back} />;
  if (shown === 'delete') {
    return (
      <span className="row" role="group" aria-label={`Delete ${name}?`}>
        <button type="button" className="small danger" onClick={() => void deleteRun(id)} autoFocus>
          Delete for good
        </button>
        <button type="button" className="small" onClick={back}>
          Keep
        </button>
      </span>
    );
  }
  const about = `run-name-${id}`;
  const going = run.live !== null && isActive(run.record);
  const exportRun = async () => {
    const file = await engine().request('export_run', { run: id });
    saveFile(file.name, file.bytes);
  };
  return (
    <span className="row">
      {hasModel(run.record) && (
        <button type="button" className="small" aria-describedby={about} onClick={() => openTryPrompt(id)}>
          Try a prompt
        </button>
      )}
      <DownloadButton about={about} fetch={exportRun}>
        Export run
      </DownloadButton>
      <button
        type="button"
        className="small"
        disabled={going}
        aria-describedby={about}
        onClick={() => setShown('model')}
      >
        Export model
      </button>
      <button type="button" className="quiet small" aria-describedby={about} onClick={rename}>
        Rename
      </button>
      <button
        type="button"
        className="quiet small"
        disabled={going}
        aria-describedby={about}
        onClick={() => setShown('delete')}
      >
        Delete
      </button>
    </span>
  );
}
