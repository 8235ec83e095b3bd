import { DATASET_FORMATS } from '../lib/datasets';
import { formatCount, plural } from '../lib/format';
import { setPreviewOpen, useSetup } from '../stores/setup';
import { BadRowsTable } from './BadRowsTable';
import { PreviewTable } from './PreviewTable';

/** What the lab makes of the open dataset: its rows as the model will see them, and those it cannot use. */
export function DatasetPanel() {
  const dataset = useSetup((state) => state.dataset);
  const open = useSetup((state) => state.previewOpen);
  if (!dataset) return null;
  const lengths = dataset.lengths
    ? ` Longest prompt ${plural(dataset.lengths.prompt, 'token')}, with its solution ${plural(dataset.lengths.total, 'token')}.`
    : '';
  return (
    <section className="panel dataset-panel" aria-label="Dataset">
      <header className="panel-head">
        <h2>{dataset.name}</h2>
        <p className="muted small">
          {DATASET_FORMATS[dataset.format]}, {plural(dataset.rows, 'row')}, {formatCount(dataset.usable)}{' '}
          usable.{lengths}
        </p>
        <span className="spacer" />
        <button
          type="button"
          className="quiet small"
          aria-expanded={open}
          onClick={() => setPreviewOpen(!open)}
        >
          {open ? 'Hide preview' : 'Show preview'}
        </button>
      </header>
      {dataset.bad.length > 0 && <BadRowsTable bad={dataset.bad} />}
      {open && <PreviewTable rows={dataset.preview} hasCot={dataset.hasCot} />}
    </section>
  );
}
