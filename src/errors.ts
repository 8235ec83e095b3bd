/**
 * The typed errors of the lab. Every failure a person can meet is one of these, with a sentence that says what
 * happened, where, and what to do now. A leaf: imports nothing.
 */
export type ErrorCode = 'unsupported' | 'out_of_memory' | 'device_lost' | 'bad_input' | 'diverged' | 'bug';

export class LabError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LabError';
    this.code = code;
  }
}

/** Any thrown value as a LabError; what is not one already is a `bug`. */
export function toLabError(error: unknown): LabError {
  if (error instanceof LabError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new LabError('bug', message, { cause: error });
}
