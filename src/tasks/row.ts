/** Reading the fields of a row that a person's file gave. */

/** The trimmed text of a field, or null when it is absent, empty or no text. */
export function textField(row: Record<string, unknown>, name: string): string | null {
  const value = row[name];
  if (typeof value !== 'string') return null;
  const text = value.trim();
  return text === '' ? null : text;
}

/** The reason for a row whose field is absent, empty or no text. */
export function missing(name: string): { reason: string } {
  return { reason: `The field "${name}" is missing, empty or not text. Fill it in, or remove the row.` };
}
