import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const TOKEN = 'hf_let_me_in';
/** Weights are "LFS": listed with their SHA-256 and served by a redirect, as the Hub does. */
const isLfs = (path: string): boolean => /\.(safetensors|onnx|onnx_data\w*)$/.test(path);
const PAGE_FILES = 4;

export interface ServedRepository {
  id: string;
  /** Files by path, at each commit. */
  commits: Readonly<Record<string, Readonly<Record<string, Uint8Array>>>>;
  /** Branches and tags. */
  refs: Readonly<Record<string, string>>;
  gated?: boolean;
}

/**
 * A server on this machine that speaks the paths of the Hub that a download needs: `/api/models/ID/revision/REV`,
 * `/api/models/ID/tree/REV` in pages, `/ID/resolve/REV/PATH` with ranges and redirects, and its error codes. For tests.
 */
export class HubServer {
  /** Every request: method, path, and the range asked for. */
  readonly requests: string[] = [];
  /** Ends the connection after so many bytes of weights, once. */
  breakAfter: number | undefined;
  /** Sends whole files whatever range is asked for. */
  ignoresRanges = false;
  /** Flips a byte of weights. */
  damages = false;
  /** Milliseconds between pieces of 16 KiB of weights. */
  pause = 0;
  private readonly server: Server;

  constructor(private readonly repositories: readonly ServedRepository[]) {
    this.server = createServer((request, response) => void this.answer(request, response));
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://hub');
    this.requests.push(`${request.method} ${pathname} ${request.headers.range ?? ''}`.trim());
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Allow-Headers', '*, Authorization, Range');
    response.setHeader('Access-Control-Expose-Headers', 'X-Error-Code, X-Error-Message, Content-Range, Link');
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    const path = decodeURIComponent(pathname);
    const authorized = request.headers.authorization === `Bearer ${TOKEN}`;
    const info = /^\/api\/models\/(.+)\/revision\/(.+)$/.exec(path);
    const tree = /^\/api\/models\/(.+)\/tree\/([^/]+)$/.exec(path);
    const file = /^\/(cdn\/)?([^/]+(?:\/[^/]+)?)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    const [id, revision] = info?.slice(1) ?? tree?.slice(1) ?? file?.slice(2) ?? [];
    const repository = this.repositories.find((one) => one.id === id);
    if (!repository || revision === undefined) {
      return refuse(response, authorized ? 404 : 401, 'RepoNotFound', 'Repository not found');
    }
    const commit = repository.refs[revision] ?? (revision in repository.commits ? revision : undefined);
    const files = commit === undefined ? undefined : repository.commits[commit];
    if (!files) return refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    if (info) return json(response, { _id: '1', id, sha: commit, gated: repository.gated ? 'manual' : false, private: false, downloads: 1, likes: 1, lastModified: '2026-01-01T00:00:00.000Z' }); // prettier-ignore
    if (tree) return this.list(request, response, files, Number(searchParams.get('cursor') ?? 0));
    if (repository.gated && !authorized) {
      return refuse(response, 401, 'GatedRepo', `Access to model ${id} is restricted.`);
    }
    const bytes = files[file?.[4] ?? ''];
    if (!bytes) return refuse(response, 404, 'EntryNotFound', 'Entry not found');
    if (!file?.[1] && isLfs(path)) {
      return void response.writeHead(302, { Location: `/cdn${pathname}` }).end();
    }
    return this.send(request, response, bytes, isLfs(path));
  }

  private list(
    request: IncomingMessage,
    response: ServerResponse,
    files: Readonly<Record<string, Uint8Array>>,
    cursor: number,
  ): void {
    const all = Object.entries(files);
    const entries = all.slice(cursor, cursor + PAGE_FILES).map(([path, bytes]) => {
      const oid = createHash('sha256').update(bytes).digest('hex');
      const lfs = isLfs(path) ? { lfs: { oid, size: bytes.length, pointerSize: 134 } } : {};
      return { type: 'file', path, size: bytes.length, oid: oid.slice(0, 40), ...lfs };
    });
    if (cursor + PAGE_FILES < all.length) {
      const { pathname } = new URL(request.url ?? '/', 'http://hub');
      const next = `http://${request.headers.host}${pathname}?cursor=${cursor + PAGE_FILES}`;
      response.setHeader('Link', `<${next}>; rel="next"`);
    }
    json(response, [{ type: 'directory', path: 'onnx', size: 0, oid: '0' }, ...entries]);
  }

  private async send(
    request: IncomingMessage,
    response: ServerResponse,
    whole: Uint8Array,
    large: boolean,
  ): Promise<void> {
    const range = this.ignoresRanges ? null : /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
    const from = Number(range?.[1] ?? 0);
    const bytes = whole.slice(from);
    if (large && this.damages && bytes.length) bytes[bytes.length >> 1] = ~(bytes[bytes.length >> 1] ?? 0);
    response.writeHead(range ? 206 : 200, {
      'Content-Length': bytes.length,
      ...(range ? { 'Content-Range': `bytes ${from}-${whole.length - 1}/${whole.length}` } : {}),
    });
    const last = large && this.breakAfter !== undefined ? this.breakAfter : bytes.length;
    if (large) this.breakAfter = undefined;
    for (let at = 0; at < last; at += 2 ** 14) {
      response.write(bytes.subarray(at, Math.min(last, at + 2 ** 14)));
      await new Promise((resolve) =>
        large && this.pause ? setTimeout(resolve, this.pause) : setImmediate(resolve),
      );
      if (response.destroyed) return;
    }
    // A moment, so that what was written is on its way before the connection goes.
    if (last < bytes.length) setTimeout(() => response.destroy(), 50);
    else response.end();
  }
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(value));
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.setHeader('X-Error-Code', code);
  response.setHeader('X-Error-Message', message);
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify({ error: message }));
}
