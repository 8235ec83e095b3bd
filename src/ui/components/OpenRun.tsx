import { useId, type ChangeEvent } from 'react';
import { report } from '../stores/notices';
import { importRun } from '../stores/runs';

/** Opens exported runs: a real button in front of a file input that stays out of sight. */
export function OpenRun({ large = false }: { large?: boolean }) {
  const id = useId();
  const pick = (event: ChangeEvent<HTMLInputElement>) => {
    const files = [...(event.target.files ?? [])];
    event.target.value = '';
    const open = async () => {
      for (const file of files) await importRun(file.name, await file.arrayBuffer());
    };
    open().catch(report);
  };
  return (
    <span className="button-file">
      <button
        type="button"
        className={large ? 'large' : 'small'}
        onClick={() => document.getElementById(id)?.click()}
      >
        Open run
      </button>
      <input
        id={id}
        type="file"
        accept=".zip,application/zip"
        multiple
        className="visually-hidden"
        tabIndex={-1}
        aria-label="Run file"
        onChange={pick}
      />
    </span>
  );
}
