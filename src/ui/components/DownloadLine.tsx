import { downloadSentence, type Download } from '../lib/hub';
import { downloadModel, pauseDownload } from '../stores/hub';

interface Props {
  folder: string;
  download: Download;
}

/** How far a download is, with what pauses it and lets it go on. */
export function DownloadLine({ folder, download }: Props) {
  const { id, revision, graph: file, state, done, total, message } = download;
  const resume = () => void downloadModel({ id, revision, folder, file, bytes: total, present: done });
  return (
    <div className="stack tight">
      <progress max={Math.max(1, total)} value={done} aria-label={`Download of ${id}`} />
      <span className="row">
        <span className="small grow">{downloadSentence(download)}</span>
        {state === 'going' ? (
          <button type="button" className="small" onClick={() => void pauseDownload(folder)}>
            Pause
          </button>
        ) : (
          <button type="button" className="small" onClick={resume}>
            Resume
          </button>
        )}
      </span>
      {message !== null && <p className="small fault">{message}</p>}
    </div>
  );
}
