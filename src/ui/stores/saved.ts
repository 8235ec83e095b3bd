/** Small choices that outlive a reload (theme, colours of runs, which are shown). Runs themselves are the engine's. */

const PREFIX = 'reft-lab.';

/** What was saved under a name if `read` accepts it, else `fallback`; a browser that keeps nothing is no fault. */
export function recall<T>(name: string, read: (value: unknown) => T | null, fallback: T): T {
  try {
    const text = globalThis.localStorage?.getItem(PREFIX + name);
    if (text === null || text === undefined) return fallback;
    return read(JSON.parse(text)) ?? fallback;
  } catch {
    return fallback;
  }
}

export function remember(name: string, value: unknown): void {
  try {
    globalThis.localStorage?.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Private windows refuse storage: the choice then lasts as long as the page.
  }
}
