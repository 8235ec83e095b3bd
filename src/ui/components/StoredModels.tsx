import type { StoredModel } from '../../worker/protocol';
import { formatBytes } from '../lib/format';
import { shortRevision } from '../lib/hub';
import { deleteStored, downloadModel, isStored, openStored, useHub } from '../stores/hub';
import { useSetup } from '../stores/setup';
import { DownloadLine } from './DownloadLine';

/** The models that were downloaded: each is chosen, gone on with, or deleted. */
export function StoredModels() {
  const stored = useHub((state) => state.stored);
  const shown = useHub((state) => state.lookup?.folder);
  const rest = stored.filter(({ folder, complete }) => complete || folder !== shown);
  if (rest.length === 0) return null;
  return (
    <fieldset className="stack tight">
      <legend>Downloaded models</legend>
      {rest.map((model) =>
        model.complete ? (
          <Whole key={model.folder} model={model} />
        ) : (
          <Part key={model.folder} model={model} />
        ),
      )}
    </fieldset>
  );
}

function Whole({ model }: { model: StoredModel }) {
  const { folder, id, revision, bytes, file } = model;
  const chosen = useSetup(({ model: open }) => open !== null && isStored(open, model));
  return (
    <span className="row">
      <label className="choice grow">
        <input type="radio" name="bundled-model" checked={chosen} onChange={() => void openStored(folder)} />
        <span>
          {id}
          <span className="muted small help">
            {file !== null && `${file}, `}
            {formatBytes(bytes)}, commit <span className="mono">{shortRevision(revision)}</span>
          </span>
        </span>
      </label>
      <Delete model={model} />
    </span>
  );
}

function Part({ model }: { model: StoredModel }) {
  const { folder, id, bytes, present } = model;
  const download = useHub((state) => state.downloads[folder]);
  if (download) {
    return (
      <div className="stack tight">
        <span className="row">
          <span className="grow">{id}</span>
          {download.state !== 'going' && <Delete model={model} />}
        </span>
        <DownloadLine folder={folder} download={download} />
      </div>
    );
  }
  return (
    <span className="row">
      <span className="grow">
        {id}
        <span className="muted small help">
          {formatBytes(present)} of {formatBytes(bytes)} are here.
        </span>
      </span>
      <button type="button" className="small" onClick={() => void downloadModel(model)}>
        Resume
      </button>
      <Delete model={model} />
    </span>
  );
}

function Delete({ model }: { model: StoredModel }) {
  return (
    <button
      type="button"
      className="quiet small"
      aria-label={`Delete ${model.id}`}
      onClick={() => void deleteStored(model)}
    >
      Delete
    </button>
  );
}
