import { useId, type ChangeEvent } from 'react';
import { report } from '../stores/notices';
import { useSetup } from '../stores/setup';
import { openDataset, openFiles } from '../stores/setup_actions';

/** Where a dataset goes in: dropped (the whole page takes drops) or picked with the file input. */
export function DropZone() {
  const id = useId();
  const busy = useSetup((state) => state.busy);
  const pick = (event: ChangeEvent<HTMLInputElement>) => {
    const files = [...(event.target.files ?? [])];
    event.target.value = '';
    const [file] = files;
    if (files.length === 1 && file && !/\.zip$/i.test(file.name)) openDataset(file).catch(report);
    else openFiles(files).catch(report);
  };
  return (
    <section className="drop-zone" aria-label="Drop a dataset" aria-busy={busy !== null}>
      <p>
        <strong>Drop a dataset</strong>
      </p>
      <p className="muted small">
        GSM8K .jsonl, SVAMP .json, ReFT .json or MathQA .json. It stays on this machine.
      </p>
      <label htmlFor={id} className="small">
        Dataset file
      </label>
      <input id={id} type="file" accept=".json,.jsonl,.txt,application/json" onChange={pick} />
    </section>
  );
}
