/** What a command throws when it stopped because it was asked to: what it made is kept, the exit code is 130. */
export class Stopped extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Stopped';
  }
}

export const STOPPED_EXIT_CODE = 130;

/** A signal aborted by the first Ctrl-C (or SIGTERM); the second ends the process at once. */
export function interruptSignal(say: (text: string) => void): AbortSignal {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(STOPPED_EXIT_CODE);
    controller.abort();
    say('\nStopping; what is made so far is being saved. Ctrl-C again quits at once.');
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return controller.signal;
}
