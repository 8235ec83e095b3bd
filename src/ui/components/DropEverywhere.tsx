import { useEffect, useState } from 'react';
import { droppedFiles, fileFromPaste } from '../lib/files';
import { report } from '../stores/notices';
import { openFiles } from '../stores/setup_actions';

/** Files dropped anywhere on the page, and datasets pasted outside a text field. */
export function DropEverywhere() {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    window.addEventListener(
      'dragover',
      (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(true);
      },
      { signal },
    );
    window.addEventListener('dragleave', (event) => event.relatedTarget === null && setOver(false), {
      signal,
    });
    window.addEventListener(
      'drop',
      (event) => {
        if (!event.dataTransfer || !hasFiles(event)) return;
        event.preventDefault();
        setOver(false);
        droppedFiles(event.dataTransfer).then(openFiles).catch(report);
      },
      { signal },
    );
    window.addEventListener('paste', (event) => paste(event), { signal });
    return () => controller.abort();
  }, []);
  if (!over) return null;
  return (
    <div className="drop-veil fade-in" aria-hidden="true">
      Drop a dataset, a model folder, or a .zip of a model or a run
    </div>
  );
}

function paste(event: ClipboardEvent): void {
  const target = event.target;
  if (target instanceof HTMLElement && target.closest('input, textarea, select')) return;
  const files = [...(event.clipboardData?.files ?? [])];
  const pasted = fileFromPaste(event.clipboardData?.getData('text/plain') ?? '');
  if (pasted) files.push(new File([pasted.text], pasted.name));
  if (files.length > 0) openFiles(files).catch(report);
}
