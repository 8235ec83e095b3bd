import { LabError } from '../errors';
import type { Command, Event, Replies } from './protocol';

/** How far a download is. */
export type DownloadEvent = Extract<Event, { type: 'model_download' }>;
/** What has been answered of a prompt so far. */
export type PromptEvent = Extract<Event, { type: 'prompt_progress' }>;
/** What a run says while it goes: every event that answers no request and is about no download and no prompt. */
export type RunEvent = Exclude<
  Event,
  { type: 'reply' | 'error' | 'trouble' | 'model_download' | 'prompt_progress' }
>;

type CommandType = Command['type'];
/** What a command carries besides its name and number. */
type BodyOf<K extends CommandType> = Omit<Extract<Command, { type: K }>, 'type' | 'request'>;

/** The part of `Worker` the client needs; tests put a plain object in its place. */
export interface EnginePort {
  postMessage(message: Command, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<Event>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  onmessageerror: ((event: MessageEvent) => void) | null;
  terminate(): void;
}

interface Pending {
  type: CommandType;
  resolve: (value: Replies[CommandType]) => void;
  reject: (error: LabError) => void;
}

/**
 * The page's side of the protocol: one promise a command, and a stream of run events.
 *
 * Errors: a command rejects with the engine's LabError; when the worker itself dies every open command rejects with a
 * `bug` and so does every later one.
 */
export class EngineClient {
  private readonly port: EnginePort;
  private readonly pending = new Map<number, Pending>();
  private readonly listeners = new Set<(event: RunEvent) => void>();
  private readonly downloadListeners = new Set<(event: DownloadEvent) => void>();
  private readonly promptListeners = new Set<(event: PromptEvent) => void>();
  private readonly troubleListeners = new Set<(error: LabError) => void>();
  private nextRequest = 1;
  private alive = false;
  private dead: LabError | undefined;

  constructor(port: EnginePort) {
    this.port = port;
    port.onmessage = (message) => this.receive(message.data);
    port.onerror = (event) => this.trouble(event.message);
    port.onmessageerror = () => this.die('a message could not be read');
  }

  /** Sends a command; file bytes in it are transferred, so the caller's ArrayBuffers are empty afterwards. */
  request<K extends CommandType>(type: K, body: BodyOf<K>): Promise<Replies[K]> {
    if (this.dead) return Promise.reject(this.dead);
    const request = this.nextRequest++;
    // The boundary: that type and body make a command, and that reply n has the type of command n (receive checks it).
    const command = { type, request, ...body } as unknown as Command;
    return new Promise<Replies[K]>((resolve, reject) => {
      this.pending.set(request, { type, resolve: (value) => resolve(value as Replies[K]), reject });
      this.port.postMessage(command, buffersOf(command));
    });
  }

  /** Calls back for every run event until the returned function is called. */
  onRunEvent(listener: (event: RunEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Calls back for every step of a download until the returned function is called. */
  onDownload(listener: (event: DownloadEvent) => void): () => void {
    this.downloadListeners.add(listener);
    return () => this.downloadListeners.delete(listener);
  }

  /** Calls back for every part of an answer until the returned function is called. */
  onPrompt(listener: (event: PromptEvent) => void): () => void {
    this.promptListeners.add(listener);
    return () => this.promptListeners.delete(listener);
  }

  /** Calls back for an error that belongs to no command: the worker died, or threw where nobody listened. */
  onTrouble(listener: (error: LabError) => void): () => void {
    this.troubleListeners.add(listener);
    return () => this.troubleListeners.delete(listener);
  }

  close(): void {
    this.die('the engine was closed');
    this.port.terminate();
  }

  private receive(event: Event): void {
    this.alive = true;
    switch (event.type) {
      case 'reply': {
        const pending = this.take(event.request);
        if (pending?.type === event.command) pending.resolve(event.value);
        else pending?.reject(new LabError('bug', `The engine answered ${pending.type} as ${event.command}.`));
        return;
      }
      case 'error':
        this.take(event.request)?.reject(new LabError(event.code, event.message));
        return;
      case 'trouble':
        this.tell(new LabError(event.code, event.message));
        return;
      case 'model_download':
        for (const listener of this.downloadListeners) listener(event);
        return;
      case 'prompt_progress':
        for (const listener of this.promptListeners) listener(event);
        return;
      case 'run_created':
      case 'run_status':
      case 'run_metrics':
      case 'run_completions':
      case 'run_evaluation':
      case 'run_event':
      case 'run_finished':
        for (const listener of this.listeners) listener(event);
        return;
      default:
        event satisfies never;
    }
  }

  private take(request: number): Pending | undefined {
    const pending = this.pending.get(request);
    this.pending.delete(request);
    return pending;
  }

  /** A worker that has answered before goes on after an uncaught error; one that never did could not be loaded. */
  private trouble(reason: string): void {
    if (!this.alive) {
      this.die(reason || 'its files could not be loaded');
      return;
    }
    const error = new LabError(
      'bug',
      `The engine reported a fault of its own: ${reason}. Runs saved so far are kept.`,
    );
    this.tell(error);
  }

  private tell(error: LabError): void {
    for (const listener of this.troubleListeners) listener(error);
  }

  private die(reason: string): void {
    if (this.dead) return;
    this.dead = new LabError(
      'bug',
      `The engine stopped: ${reason}. Finished steps are saved; reload the page to go on.`,
    );
    for (const pending of this.pending.values()) pending.reject(this.dead);
    this.pending.clear();
    this.tell(this.dead);
  }
}

/** The buffers of a command that are handed over instead of copied. */
function buffersOf(command: Command): Transferable[] {
  switch (command.type) {
    case 'open_dataset':
    case 'import_run':
      return [command.file.bytes];
    default:
      return [];
  }
}
