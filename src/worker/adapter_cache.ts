import { openDB, type IDBPDatabase } from 'idb';

const DATABASE = 'reft-lab';
const STORE = 'adapters';

/**
 * What was measured of an adapter, kept in IndexedDB under `key` (name the adapter and the lab's version in it: either may
 * change what was measured). Measures when nothing valid is kept; where the browser keeps nothing (a private window),
 * every time.
 */
export async function remembered<T>(
  key: string,
  isValid: (value: unknown) => value is T,
  measure: () => Promise<T>,
): Promise<T> {
  const database = await open().catch(() => undefined);
  try {
    const kept: unknown = await database?.get(STORE, key).catch(() => undefined);
    if (isValid(kept)) return kept;
    const measured = await measure();
    await database?.put(STORE, measured, key).catch(() => undefined);
    return measured;
  } finally {
    database?.close();
  }
}

async function open(): Promise<IDBPDatabase> {
  return openDB(DATABASE, 1, { upgrade: (opened) => void opened.createObjectStore(STORE) });
}
