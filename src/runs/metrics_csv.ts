import { LabError } from '../errors';
import type { MetricRow } from './run';

const FIRST_COLUMNS = ['step', 'timestamp'] as const;

/** The header line of metrics.csv for these metric keys, newline included. */
export function metricsHeader(keys: readonly string[]): string {
  return `${[...FIRST_COLUMNS, ...keys].join(',')}\n`;
}

/**
 * One step as a line of metrics.csv, newline included: every number in full (it reads back to the same bits), an empty
 * cell where the step has no value for a metric. Errors: `bug` for a value whose key the header does not have.
 */
export function metricsLine(row: MetricRow, keys: readonly string[]): string {
  const unknown = Object.keys(row.values).find((key) => !keys.includes(key));
  if (unknown !== undefined) {
    throw new LabError('bug', `The recipe logged "${unknown}", which is not among its metrics.`);
  }
  const cells = keys.map((key) => {
    const value = row.values[key];
    return value === undefined ? '' : String(value);
  });
  return `${[row.step, row.timestamp, ...cells].join(',')}\n`;
}

/**
 * metrics.csv as rows. A last line cut off in the middle (the writer was stopped while writing) is left out.
 * Errors: `bad_input` naming line and column of anything that is not a number.
 */
export function parseMetricsCsv(text: string): MetricRow[] {
  const [header, ...lines] = text.split('\n');
  const columns = (header ?? '').replace(/\r$/, '').split(',');
  if (columns[0] !== 'step' || columns[1] !== 'timestamp') {
    throw new LabError(
      'bad_input',
      'metrics.csv does not begin with "step,timestamp,…"; was it written by the lab?',
    );
  }
  const rows: MetricRow[] = [];
  lines.forEach((raw, index) => {
    const line = raw.replace(/\r$/, '');
    const isCutOff = index === lines.length - 1; // a whole line ends in a newline, so the last part is empty
    if (line === '' || isCutOff) return;
    rows.push(parseLine(line, columns, index + 2));
  });
  return rows;
}

function parseLine(line: string, columns: string[], lineNumber: number): MetricRow {
  const cells = line.split(',');
  if (cells.length !== columns.length) {
    throw new LabError(
      'bad_input',
      `Line ${lineNumber} of metrics.csv has ${cells.length} values for ${columns.length} columns.`,
    );
  }
  const numbers = columns.map((column, i) => parseNumber(cells[i] ?? '', column, lineNumber));
  const values: Record<string, number> = {};
  columns.forEach((column, i) => {
    const value = numbers[i];
    if (i >= FIRST_COLUMNS.length && value !== undefined) values[column] = value;
  });
  return { step: numbers[0] ?? NaN, timestamp: numbers[1] ?? NaN, values };
}

function parseNumber(cell: string, column: string, lineNumber: number): number | undefined {
  if (cell === '') return undefined;
  const value = Number(cell);
  if (Number.isNaN(value) && cell !== 'NaN') {
    throw new LabError(
      'bad_input',
      `Line ${lineNumber} of metrics.csv: ${column} is "${cell}", not a number.`,
    );
  }
  return value;
}
