import { listFiles, modelInfo } from '@huggingface/hub';
import { LabError } from '../errors';
import type { RepositoryName } from './repository';

/** A file of a repository. */
export interface HubFile {
  path: string;
  size: number;
  /** Known of large files: what they are held against once they are here. */
  sha256?: string;
}

/** A repository at one commit. */
export interface Repository {
  id: string;
  /** The commit's hash, whatever was asked for. */
  revision: string;
  /** Its owner hands the files out on request only. */
  gated: boolean;
  files: HubFile[];
}

export interface HubOptions {
  /** Another server that speaks the Hub's paths. */
  url?: string | undefined;
  /** An access token, for gated and private models. It is sent to that server and kept nowhere. */
  token?: string | undefined;
  fetch?: typeof fetch;
}

export const HUB_URL = 'https://huggingface.co';
/** What the Hub's own message is cut to. */
const MOST_DETAIL = 200;

/**
 * The Hugging Face Hub, or a server that speaks its paths: what a repository holds, and its files from any byte on.
 * Errors: `bad_input` in a sentence for repositories that are missing, gated or private, and for no connection.
 */
export class Hub {
  private readonly url: string;
  private readonly token: string | undefined;
  private readonly fetched: typeof fetch;

  constructor({ url = HUB_URL, token, fetch: own }: HubOptions = {}) {
    this.url = url.replace(/\/+$/, '');
    this.token = token;
    this.fetched = own ?? ((input, init) => fetch(input, init));
  }

  /** What a repository holds at the commit its revision stands for now. */
  async look(name: RepositoryName): Promise<Repository> {
    const request = {
      hubUrl: this.url,
      ...(this.token ? { accessToken: this.token } : {}),
      fetch: this.asking(name),
    };
    const { sha, gated } = await modelInfo({
      ...request,
      name: name.id,
      revision: name.revision,
      additionalFields: ['sha'],
    });
    const files: HubFile[] = [];
    for await (const entry of listFiles({ ...request, repo: name.id, revision: sha, recursive: true })) {
      if (entry.type !== 'file') continue;
      const { path, size, lfs } = entry;
      files.push({ path, size: lfs?.size ?? size, ...(lfs ? { sha256: lfs.oid } : {}) });
    }
    return { id: name.id, revision: sha, gated: gated !== false, files };
  }

  /** A file from byte `from` on. `from` of the answer is 0 where the server sends whole files only. */
  async open(
    { id, revision }: RepositoryName,
    path: string,
    from: number,
    signal?: AbortSignal,
  ): Promise<{ from: number; body: ReadableStream<Uint8Array> }> {
    const url = `${this.url}/${id}/resolve/${encodeURIComponent(revision)}/${path.split('/').map(encodeURIComponent).join('/')}`;
    const headers = {
      ...(this.token ? { Authorization: `Bearer ${this.token}` } : {}),
      ...(from > 0 ? { Range: `bytes=${from}-` } : {}),
    };
    const response = await this.asking({ id, revision })(url, { headers, ...(signal ? { signal } : {}) });
    if (!response.body) throw new LabError('bad_input', `${path} of ${id} came without contents.`);
    return { from: response.status === 206 ? from : 0, body: response.body };
  }

  /** A small file whole. */
  async read(name: RepositoryName, path: string): Promise<Uint8Array> {
    const { body } = await this.open(name, path, 0);
    return new Uint8Array(await new Response(body).arrayBuffer());
  }

  /** Asks for something of a repository; what is refused is said in a sentence. */
  private asking(name: RepositoryName): typeof fetch {
    return async (input, init) => {
      let response: Response;
      try {
        response = await this.fetched(input, init);
      } catch (cause) {
        if (init?.signal?.aborted) throw cause;
        throw new LabError(
          'bad_input',
          `${new URL(this.url).host} could not be reached for ${name.id}. Check the connection; what has arrived is kept.`,
          { cause },
        );
      }
      if (response.ok) return response;
      throw await this.refusal(name, response);
    };
  }

  private async refusal({ id, revision }: RepositoryName, response: Response): Promise<LabError> {
    const { status } = response;
    const code = response.headers.get('X-Error-Code');
    const page = `${this.url}/${id}`;
    if (code === 'GatedRepo' || status === 403) {
      return new LabError(
        'bad_input',
        `${id} is gated: its owner gives the files to those who agreed to its terms. Agree at ${page}, make an access token ` +
          `at ${this.url}/settings/tokens, and look the model up again with it.`,
      );
    }
    if (code === 'RevisionNotFound') {
      return new LabError(
        'bad_input',
        `${id} has no revision "${revision}". Its revisions are listed at ${page}.`,
      );
    }
    if (code === 'EntryNotFound') {
      return new LabError(
        'bad_input',
        `${id} has no file ${new URL(response.url).pathname.split('/').at(-1) ?? ''}.`,
      );
    }
    if (status === 401 || status === 404) {
      const token = this.token
        ? 'or the access token does not open it'
        : 'or it is private and needs an access token';
      return new LabError(
        'bad_input',
        `There is no model ${id} on ${new URL(this.url).host}, ${token}. Check its name.`,
      );
    }
    const detail = (response.headers.get('X-Error-Message') ?? (await response.text().catch(() => ''))).slice(
      0,
      MOST_DETAIL,
    );
    return new LabError(
      'bad_input',
      `${new URL(this.url).host} answered with status ${status}${detail ? ` (${detail})` : ''}. What has arrived is kept; try again in a while.`,
    );
  }
}
