/** Rows as a table in text: the first row is the header, numbers stand right. */
export function table(rows: readonly (readonly string[])[]): string {
  const [header = [], ...body] = rows;
  const widths = header.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const isNumber = header.map((_, column) =>
    body.every((row) => /^[-–\d]/.test(row[column] ?? '') || row[column] === ''),
  );
  const line = (row: readonly string[]) =>
    widths
      .map((width, column) => {
        const cell = row[column] ?? '';
        return isNumber[column] ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [line(header), widths.map((width) => '-'.repeat(width)).join('  '), ...body.map(line)].join('\n');
}

/** A share as people read it: 0.4567 → "45.7 %". */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
