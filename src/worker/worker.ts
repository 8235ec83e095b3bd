import { toLabError } from '../errors';
import { Engine } from './engine';
import type { Command, Event } from './protocol';

// The page's address comes as the worker's name: bundled models and problems lie beside the page, not beside this file.
const post = (event: Event, transfer: Transferable[] = []): void => self.postMessage(event, { transfer });
const engine = new Engine(new URL('./', self.name || self.location.href), post);

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
