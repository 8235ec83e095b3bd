import { LabError } from '../errors';

/** Rows as JSON, one a line, newline at the end of each. */
export function jsonLines(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

/**
 * The rows of a .jsonl file. A last line cut off in the middle (the writer was stopped while writing) is left out.
 * Errors: `bad_input` naming file and line of anything else that is not JSON.
 */
export function parseJsonLines(text: string, name: string): unknown[] {
  const lines = text.split('\n');
  const rows: unknown[] = [];
  lines.forEach((line, index) => {
    if (line.trim() === '') return;
    try {
      rows.push(JSON.parse(line));
    } catch (cause) {
      const isCutOff = index === lines.length - 1;
      if (isCutOff) return;
      throw new LabError('bad_input', `Line ${index + 1} of ${name} is not JSON (${String(cause)}).`, {
        cause,
      });
    }
  });
  return rows;
}
