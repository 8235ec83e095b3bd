/** The Hub as the page sees it: its address, and what a download says of itself. Pure. */
import type { HubRequest, ModelLookup } from '../../worker/protocol';
import { formatBytes, formatDuration } from './format';

/** `?hub=https://…` in the page's address: another server that speaks the Hub's paths, for mirrors and tests. */
export function hubServer(query: string): string | null {
  const given = new URLSearchParams(query).get('hub');
  return given !== null && /^https?:\/\//.test(given) ? given : null;
}

/** A repository at a commit, as later commands name it. */
export const pinned = (id: string, revision: string): HubRequest['repository'] => `${id}@${revision}`;

/** A commit as people compare them. */
export const shortRevision = (revision: string): string => revision.slice(0, 8);

/** How far a download is. */
export interface Download {
  id: string;
  revision: string;
  /** Which of its ONNX graphs; null for a model with weights. */
  graph: string | null;
  state: 'going' | 'paused' | 'failed';
  file: string;
  done: number;
  total: number;
  /** Where and when this going began: what its speed is measured from. */
  from: number;
  since: number;
  /** When `done` was last heard of. */
  at: number;
  /** Why it failed. */
  message: string | null;
}

/** "41 MiB of 256 MiB, 12.3 MiB/s, 18 s left". */
export function downloadSentence({ state, done, total, from, since, at }: Download): string {
  const amount = `${formatBytes(done)} of ${formatBytes(total)}`;
  if (state !== 'going')
    return `${state === 'paused' ? 'Paused' : 'Stopped'} at ${amount}; what has arrived is kept.`;
  const seconds = (at - since) / 1000;
  const rate = (done - from) / seconds;
  if (seconds < 1 || rate <= 0) return amount;
  return `${amount}, ${formatBytes(rate)}/s, ${formatDuration((total - done) / rate)} left`;
}

/** What looking a model up found, in sentences: what is downloaded, what it takes, whether it fits. */
export function lookupSentences({ bytes, present, needs, room, gated }: ModelLookup): string[] {
  const missing = bytes - present;
  const download =
    missing === 0
      ? 'All of it is here already.'
      : present > 0
        ? `${formatBytes(missing)} of ${formatBytes(bytes)} are still to be downloaded.`
        : `${formatBytes(bytes)} to download.`;
  const space =
    room === null || missing === 0
      ? []
      : [
          room < missing
            ? `This browser has room for ${formatBytes(Math.max(0, room))} only: delete downloaded models or older runs first.`
            : `This browser has room for ${formatBytes(room)}.`,
        ];
  const uses = needs.map(({ label, bytes: taken, fits }) =>
    fits ? `${formatBytes(taken)} ${label}` : `more than this GPU binds ${label}`,
  );
  const gpu = uses.length
    ? [`On the GPU: ${uses.join(', ')}. WebGPU does not say how much memory the GPU has.`]
    : [];
  const terms = gated
    ? ['It is gated: its owner asks you to agree to terms, and an access token is needed.']
    : [];
  return [download, ...space, ...gpu, ...terms];
}

/** Whether there is room for what is still to come. */
export const hasRoom = ({ bytes, present, room }: ModelLookup): boolean =>
  room === null || room >= bytes - present;
