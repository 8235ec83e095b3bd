/** What a command throws when it stopped because it was asked to: what it made is kept, the exit code is 130. */
export class Stopped extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Stopped';
  }
}

export const STOPPED_EXIT_CODE = 130;

/**
 * A signal aborted by the first Ctrl-C (or SIGTERM); the second ends the process at once. `release` stops listening.
 */
export function interruptSignal(say: (text: string) => void): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(STOPPED_EXIT_CODE);
    controller.abort();
    say('\nStopping; what is made so far is being saved. Ctrl-C again quits at once.');
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: controller.signal,
    release: () => signals.forEach((name) => process.off(name, onSignal)),
  };
}
