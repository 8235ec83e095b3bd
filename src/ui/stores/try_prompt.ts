/** A prompt of a person's own: who is asked, how, and what they answer. */
import { create } from 'zustand';
import { toLabError } from '../../errors';
import type { RunRecord } from '../../runs/run';
import type { PromptEvent } from '../../worker/client';
import type { PromptAnswer, PromptRequest, Respondent } from '../../worker/protocol';
import { engine } from './engine';
import { report } from './notices';
import { byAge, useRuns, type RunsState } from './runs';
import { isActive } from './run_state';
import { configOf, EVALUATE, useSetup } from './setup';
import { openChosenModel } from './setup_actions';

/** The open model among those that can be asked; the others go by the id of their run. */
export const OPEN_MODEL = 'model';

/** Someone who can be asked. */
export interface Candidate {
  key: string;
  name: string;
}

export type ChatChoice = 'as set' | 'on' | 'off';

export interface Answer extends Candidate {
  state: 'waiting' | 'opening' | 'answering' | 'failed' | PromptAnswer['finish'];
  text: string;
  tokens: number;
  firstAfter: number;
  tokensPerSecond: number | null;
  promptTokens: number | null;
  /** Why it failed. */
  message: string | null;
}

interface TryPromptState {
  open: boolean;
  /** Counts how often it was opened: whoever opens it wants to write. */
  openings: number;
  /** Keys of those who are asked. */
  chosen: readonly string[];
  text: string;
  form: PromptRequest['form'];
  chat: ChatChoice;
  temperature: number;
  maxNewTokens: number;
  seed: number;
  answers: readonly Answer[];
  /** The answer that is being made; null when none is. */
  asking: string | null;
}

export const useTryPrompt = create<TryPromptState>(() => ({
  open: false,
  openings: 0,
  chosen: [],
  text: 'Tom has 4 pens and buys 5 more. How many pens does he have?',
  form: 'problem',
  chat: 'as set',
  temperature: 0,
  maxNewTokens: 128,
  seed: 0,
  answers: [],
  asking: null,
}));

/** The runs of this browser that have made a model, oldest first. */
export function trainedRuns({ runs }: RunsState): RunRecord[] {
  return byAge(runs)
    .filter(({ recorded }) => !recorded)
    .map(({ record }) => record)
    .filter(hasModel);
}

/** Whether a run has left a model: it trained, and has ended. */
export const hasModel = (record: RunRecord): boolean =>
  record.recipe !== EVALUATE && record.step > 0 && !isActive(record);

/** Opens the panel with `key` among those who are asked. */
export function openTryPrompt(key: string): void {
  useTryPrompt.setState(({ chosen, openings }) => ({
    open: true,
    openings: openings + 1,
    chosen: chosen.includes(key) ? chosen : [...chosen, key],
  }));
}

export function closeTryPrompt(): void {
  stopAsking();
  useTryPrompt.setState({ open: false });
}

export function setTryPrompt(
  part: Partial<Pick<TryPromptState, 'text' | 'form' | 'chat' | 'temperature' | 'maxNewTokens' | 'seed'>>,
): void {
  useTryPrompt.setState(part);
}

export function toggleCandidate(key: string): void {
  useTryPrompt.setState(({ chosen }) => ({
    chosen: chosen.includes(key) ? chosen.filter((other) => other !== key) : [...chosen, key],
  }));
}

/** Follows answers as they grow. */
export function startTryPrompt(): void {
  engine().onPrompt(({ ask, text, tokens, firstAfter, tokensPerSecond }: PromptEvent) => {
    const progress = { text, tokens, firstAfter, tokensPerSecond };
    if (useTryPrompt.getState().asking === ask) change(ask, { state: 'answering', ...progress });
  });
}

/** Asks these, one after the other: they share the GPU. */
export async function ask(candidates: readonly Candidate[]): Promise<void> {
  const { text, form, chat, temperature, maxNewTokens: max_new_tokens, seed } = useTryPrompt.getState();
  const nothing = { text: '', tokens: 0, firstAfter: 0, tokensPerSecond: null };
  const blank = { ...nothing, promptTokens: null, message: null };
  useTryPrompt.setState({ answers: candidates.map((one) => ({ ...one, ...blank, state: 'waiting' })) });
  for (const { key } of candidates) {
    if (useTryPrompt.getState().answers.find((answer) => answer.key === key)?.state !== 'waiting') continue;
    useTryPrompt.setState({ asking: key });
    change(key, { state: 'opening' });
    try {
      const respondent = await respondentOf(key);
      const chat_template = chat === 'as set' ? chatOf(key) : chat === 'on';
      const prompt = { text, form, chat_template, temperature, max_new_tokens, seed };
      const answer = await engine().request('try_prompt', { ask: key, respondent, prompt });
      const { finish: state, ...rest } = answer;
      change(key, { state, ...rest });
    } catch (error) {
      change(key, { state: 'failed', message: toLabError(error).message });
    }
  }
  useTryPrompt.setState({ asking: null });
}

/** Ends the answer that is being made; those that wait are not begun. */
export function stopAsking(): void {
  const { asking } = useTryPrompt.getState();
  if (asking === null) return;
  useTryPrompt.setState(({ answers }) => ({
    answers: answers.map((answer) => (answer.state === 'waiting' ? { ...answer, state: 'stopped' } : answer)),
  }));
  engine().request('stop_prompt', { ask: asking }).catch(report);
}

async function respondentOf(key: string): Promise<Respondent> {
  if (key !== OPEN_MODEL) return { kind: 'run', run: key };
  const model = await openChosenModel();
  if (model === null) throw new Error('No model is chosen any more. Choose one first.');
  return { kind: 'model', model };
}

/** Whether a model is talked to, as the settings say: the run's own, or those that are set up. */
function chatOf(key: string): boolean {
  const config =
    key === OPEN_MODEL ? configOf(useSetup.getState()) : useRuns.getState().runs[key]?.record.config;
  return config?.['chat_template'] === true;
}

function change(key: string, part: Partial<Answer>): void {
  useTryPrompt.setState(({ answers }) => ({
    answers: answers.map((answer) => (answer.key === key ? { ...answer, ...part } : answer)),
  }));
}
