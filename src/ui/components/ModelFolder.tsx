import { useId, type ChangeEvent } from 'react';
import { report } from '../stores/notices';
import { openFiles } from '../stores/setup_actions';

/** A model from this machine: a folder, or a .zip of one. */
export function ModelFolder() {
  const folder = useId();
  const zip = useId();
  const pick = (event: ChangeEvent<HTMLInputElement>) => {
    const files = [...(event.target.files ?? [])];
    event.target.value = '';
    if (files.length > 0) openFiles(files).catch(report);
  };
  return (
    <div className="stack tight">
      <label htmlFor={folder}>Model folder</label>
      <span className="muted small">
        A Hugging Face folder (config.json, tokenizer.json, model.safetensors or its shards) or a .zip of one.
        Drop it anywhere or pick it; it stays on this machine.
      </span>
      <input id={folder} type="file" multiple onChange={pick} {...{ webkitdirectory: '' }} />
      <label htmlFor={zip} className="small">
        Model as .zip
      </label>
      <input id={zip} type="file" accept=".zip,application/zip" onChange={pick} />
    </div>
  );
}
