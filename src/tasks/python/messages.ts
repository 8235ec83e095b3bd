/** What a runner and its worker say to each other; types only. */
export interface ToProgramWorker {
  type: 'run';
  program: string;
  /** Whether to try to load sympy before running it. */
  sympy: boolean;
}

export type FromProgramWorker =
  /** Python is loaded and programs can be sent. */
  | { type: 'ready' }
  /** The program starts now; its time runs from here. */
  | { type: 'started' }
  | { type: 'result'; value: string | null }
  /** Something a person should know, such as that sympy could not be loaded. */
  | { type: 'notice'; text: string }
  /** Python itself could not be loaded, or is broken and must be started anew. */
  | { type: 'failed'; message: string };

/** One worker with a Python interpreter in it, wherever it runs. */
export interface ProgramWorker {
  post(message: ToProgramWorker): void;
  terminate(): void;
}

/** Starts a worker; what it says, and its death as `failed`, goes to `hear`. */
export type SpawnProgramWorker = (hear: (message: FromProgramWorker) => void) => ProgramWorker;
