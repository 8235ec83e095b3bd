/** Models of the Hub: the one being looked up, the downloads that go on, and those that are here. */
import { create } from 'zustand';
import { toLabError } from '../../errors';
import type { DownloadEvent } from '../../worker/client';
import type { HubRequest, ModelLookup, ModelSummary, StoredModel } from '../../worker/protocol';
import { hubServer, pinned, type Download } from '../lib/hub';
import { engine } from './engine';
import { report } from './notices';
import { useSetup } from './setup';
import { takeModel } from './setup_actions';

interface HubState {
  /** What is typed for a model. */
  query: string;
  /** An access token, kept as long as the page. */
  token: string;
  looking: boolean;
  lookup: ModelLookup | null;
  /** Why looking up failed, in a sentence. */
  problem: string | null;
  /** By folder. */
  downloads: Readonly<Record<string, Download>>;
  stored: readonly StoredModel[];
}

export const useHub = create<HubState>(() => ({
  query: '',
  token: '',
  looking: false,
  lookup: null,
  problem: null,
  downloads: {},
  stored: [],
}));

const request = (repository: string, file: string | null): HubRequest => ({
  repository,
  file,
  server: hubServer(window.location.search),
  token: useHub.getState().token.trim() || null,
});

/** Follows downloads and lists the models that are here. */
export async function startHub(): Promise<void> {
  engine().onDownload(progressed);
  await refreshStored();
}

export function setQuery(query: string): void {
  useHub.setState({ query });
}

export function setToken(token: string): void {
  useHub.setState({ token });
}

/** Looks the typed model up: its files, sizes and needs; `file`: one of its ONNX graphs. Nothing but its config.json is downloaded. */
export async function lookUp(file: string | null = null): Promise<void> {
  const { query } = useHub.getState();
  useHub.setState(({ lookup }) => ({ looking: true, problem: null, lookup: file === null ? null : lookup }));
  try {
    useHub.setState({ lookup: await engine().request('look_up_model', { hub: request(query, file) }) });
  } catch (error) {
    useHub.setState({ problem: toLabError(error).message });
  } finally {
    useHub.setState({ looking: false });
  }
}

/** Downloads a model at a commit, or goes on with it, and opens it when it is whole. */
export async function downloadModel({ id, revision, folder, file, bytes, present }: StoredAs): Promise<void> {
  // Asked for so that the browser does not clear the models away when its disk runs low; it may say no.
  void navigator.storage?.persist?.();
  const now = Date.now();
  const begun = {
    id,
    revision,
    graph: file,
    file: '',
    done: present,
    total: bytes,
    from: present,
    since: now,
    at: now,
  };
  setDownload(folder, { ...begun, state: 'going', message: null });
  try {
    const stored = await engine().request('download_model', { hub: request(pinned(id, revision), file) });
    await refreshStored();
    if (stored === null) {
      change(folder, { state: 'paused' });
      return;
    }
    forget(folder);
    await openStored(folder);
  } catch (error) {
    change(folder, { state: 'failed', message: toLabError(error).message });
    await refreshStored();
  }
}

type StoredAs = Pick<StoredModel, 'id' | 'revision' | 'folder' | 'file' | 'bytes' | 'present'>;

export async function pauseDownload(folder: string): Promise<void> {
  await engine().request('pause_download', { folder }).catch(report);
}

/** Opens a model that is here and chooses it. */
export async function openStored(folder: string): Promise<void> {
  useHub.setState({ lookup: null });
  await takeModel('Opening the model', () => engine().request('open_stored_model', { folder }));
}

/** Deletes a downloaded model. One that is chosen stays chosen no longer. */
export async function deleteStored({ folder, id, revision, file }: StoredModel): Promise<void> {
  try {
    await engine().request('delete_model', { folder });
    forget(folder);
    const { model } = useSetup.getState();
    if (model && isStored(model, { id, revision, file })) {
      useSetup.setState({ model: null, estimate: null });
    }
  } catch (error) {
    report(error);
  }
  await refreshStored();
}

/** Whether an open model is that downloaded one. */
export const isStored = (
  { origin }: ModelSummary,
  { id, revision, file }: Pick<StoredModel, 'id' | 'revision' | 'file'>,
): boolean => origin?.id === id && origin.revision === revision && (origin.file ?? null) === file;

async function refreshStored(): Promise<void> {
  try {
    useHub.setState({ stored: await engine().request('list_models', {}) });
  } catch (error) {
    report(error);
  }
}

function progressed({ folder, file, done, total }: DownloadEvent): void {
  change(folder, { file, done, total, at: Date.now() });
}

function setDownload(folder: string, download: Download): void {
  useHub.setState(({ downloads }) => ({ downloads: { ...downloads, [folder]: download } }));
}

function change(folder: string, part: Partial<Download>): void {
  const before = useHub.getState().downloads[folder];
  if (before) setDownload(folder, { ...before, ...part });
}

function forget(folder: string): void {
  useHub.setState(({ downloads }) => ({
    downloads: Object.fromEntries(Object.entries(downloads).filter(([name]) => name !== folder)),
  }));
}
