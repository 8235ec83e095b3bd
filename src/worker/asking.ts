import { LabError } from '../errors';
import type { Gpu } from '../gpu/device';
import type { AnyModel } from '../model/onnx_folder';
import { tryPrompt, type PromptAnswer, type PromptProgress, type PromptRequest } from '../recipes/try_prompt';
import { openAsked } from './asked';
import type { Event, Respondent } from './protocol';
import type { RunStore } from './run_store';
import { trainedModel } from './trained_model';

const INTERVAL_MS = 100;

export interface AskingOptions {
  post: (event: Event) => void;
  store: RunStore;
  openGpu: () => Promise<Gpu>;
  model: (handle: string) => AnyModel;
  /** Whether a run is going on: it has the GPU to itself. */
  isRunning: () => boolean;
}

/** Models that are tried on a person's own prompt, one at a time. */
export class Asking {
  private live: { ask: string; control: AbortController; ended: Promise<unknown> } | undefined;

  constructor(private readonly options: AskingOptions) {}

  /** Errors: `bad_input` while a run or another answer goes on, and what forbids the prompt. */
  async ask(ask: string, respondent: Respondent, request: PromptRequest): Promise<PromptAnswer> {
    if (this.options.isRunning()) {
      throw new LabError('bad_input', 'A run is going on and has the GPU to itself. Ask when it has ended.');
    }
    if (this.live) throw new LabError('bad_input', 'Another prompt is being answered. Stop it first.');
    const control = new AbortController();
    const answer = this.answer(ask, respondent, request, control.signal);
    this.live = { ask, control, ended: answer.catch(() => undefined) };
    try {
      return await answer;
    } finally {
      this.live = undefined;
    }
  }

  /** Ends an answer with what is there of it; one that has ended stays as it is. */
  stop(ask: string): void {
    if (this.live?.ask === ask) this.live.control.abort();
  }

  /** Ends whatever is being answered, and waits until its memory is free: a run begins. */
  async end(): Promise<void> {
    this.live?.control.abort();
    await this.live?.ended;
  }

  private async answer(
    ask: string,
    respondent: Respondent,
    request: PromptRequest,
    signal: AbortSignal,
  ): Promise<PromptAnswer> {
    const { post, openGpu, model: opened, store } = this.options;
    const model =
      respondent.kind === 'model'
        ? opened(respondent.model)
        : await trainedModel(await store.folder(respondent.run));
    const gpu = await openGpu();
    const tell = paced((progress) => post({ type: 'prompt_progress', ask, ...progress }));
    return tryPrompt(model, (context) => openAsked(gpu, model, context, 1), request, tell, signal);
  }
}

/** At most ten calls a second; what comes last is in the answer. */
function paced(tell: (progress: PromptProgress) => void): (progress: PromptProgress) => void {
  let told = -Infinity;
  return (progress) => {
    const now = performance.now();
    if (now - told < INTERVAL_MS) return;
    told = now;
    tell(progress);
  };
}
