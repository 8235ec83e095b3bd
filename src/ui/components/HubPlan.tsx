import type { ModelLookup } from '../../worker/protocol';
import { formatBytes, formatShort, plural } from '../lib/format';
import { hasRoom, lookupSentences, shortRevision } from '../lib/hub';
import { downloadModel, lookUp, openStored, useHub } from '../stores/hub';
import { DownloadLine } from './DownloadLine';

/** What a looked-up model holds and takes, and the button that downloads it. */
export function HubPlan({ lookup }: { lookup: ModelLookup }) {
  const { id, revision, folder, files, bytes, present, architecture, parameters, refusal } = lookup;
  const download = useHub((state) => state.downloads[folder]);
  const isHere = bytes === present && bytes > 0;
  return (
    <div className="stack tight">
      <p>
        <strong>{id}</strong>{' '}
        <span className="muted small">
          commit <span className="mono">{shortRevision(revision)}</span>
          {architecture !== null && `, ${architecture}`}
          {parameters !== null && `, ${formatShort(parameters)} parameters`}
        </span>
      </p>
      {refusal !== null && <p className="small fault">{refusal}</p>}
      {refusal === null &&
        lookupSentences(lookup).map((sentence) => (
          <p key={sentence} className="small">
            {sentence}
          </p>
        ))}
      <Variants lookup={lookup} />
      {lookup.untrainable !== null && <p className="small note">{lookup.untrainable}</p>}
      <details className="small" open={files.length <= 8}>
        <summary>{plural(files.length, 'file')}</summary>
        <dl className="facts">
          {files.map((file) => (
            <div key={file.path}>
              <dt className="mono">{file.path}</dt>
              <dd>{formatBytes(file.size)}</dd>
            </div>
          ))}
        </dl>
      </details>
      {download ? (
        <DownloadLine folder={folder} download={download} />
      ) : (
        refusal === null && (
          <span className="row">
            {isHere ? (
              <button type="button" onClick={() => void openStored(folder)}>
                Use this model
              </button>
            ) : (
              <button type="button" disabled={!hasRoom(lookup)} onClick={() => void downloadModel(lookup)}>
                {present > 0 ? 'Resume download' : 'Download'}
              </button>
            )}
          </span>
        )
      )}
    </div>
  );
}

/** The ONNX graphs that a repository offers, each with its bytes. */
function Variants({ lookup: { variants, file } }: { lookup: ModelLookup }) {
  if (variants.length === 0) return null;
  return (
    <label className="stack tight small">
      <span>ONNX graph</span>
      <select value={file ?? ''} onChange={(event) => void lookUp(event.target.value)}>
        {variants.map((variant) => (
          <option key={variant.file} value={variant.file}>
            {variant.file}, {formatBytes(variant.bytes)}
          </option>
        ))}
      </select>
    </label>
  );
}
