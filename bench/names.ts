/** What may grow, in the order in which it does. */
export const AXES = ['tokens', 'sequence_length', 'batch', 'vocabulary', 'model_size'] as const;
export type Axis = (typeof AXES)[number];

/** Names with commas between them, as flags and the page's address have them. */
export const namesOf = (text: string | null | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);

/** Errors: names that there are not, with those that there are. */
export function checkNames(what: string, asked: readonly string[], known: readonly string[]): void {
  const unknown = asked.filter((name) => !known.includes(name));
  if (unknown.length)
    throw new Error(`There is no ${what} ${unknown.join(', ')}; there are ${known.join(', ')}.`);
}
