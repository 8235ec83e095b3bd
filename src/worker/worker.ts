import { toLabError } from '../errors';
import { Engine } from './engine';
import type { Command, Event } from './protocol';

// Bundled models and problems lie beside the page: one folder above the built worker, at the root of the dev server.
const base = new URL(import.meta.env.DEV ? '/' : '../', self.location.href);
const post = (event: Event, transfer: Transferable[] = []): void => self.postMessage(event, { transfer });
const engine = new Engine(base, post);

async function answer(command: Command): Promise<void> {
  const { request } = command;
  try {
    const value = await engine.answer(command);
    post({ type: 'reply', request, command: command.type, value });
  } catch (error) {
    const { code, message } = toLabError(error);
    post({ type: 'error', request, code, message });
  }
}

self.onmessage = (message: MessageEvent<Command>) => void answer(message.data);
// What fails behind a command that was answered long ago is told all the same.
self.onunhandledrejection = ({ reason }) => {
  const { code, message } = toLabError(reason);
  post({ type: 'trouble', code, message });
};
