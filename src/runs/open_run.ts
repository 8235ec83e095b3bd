import { LabError } from '../errors';
import { parseJsonLines } from './json_lines';
import { parseMetricsCsv } from './metrics_csv';
import type { CompletionRecord, MetricRow, RunFolder, RunRecord, RunStatus } from './run';

const STATUSES: readonly RunStatus[] = ['loading', 'running', 'paused', 'done', 'stopped', 'failed'];
const UNFINISHED: readonly RunStatus[] = ['loading', 'running', 'paused'];

export interface OpenedRun {
  record: RunRecord;
  metrics: MetricRow[];
  completions: CompletionRecord[];
}

/**
 * Everything of a run but its weights. Files it has not written yet count as empty.
 * Errors: `bad_input` when the folder is no run, or names the line that cannot be read.
 */
export async function openRun(folder: RunFolder): Promise<OpenedRun> {
  const record = await readRecord(folder);
  const metrics = await readText(folder, 'metrics.csv');
  const completions = await readText(folder, 'completions.jsonl');
  return {
    record,
    metrics: metrics ? parseMetricsCsv(metrics) : [],
    completions: parseJsonLines(completions, 'completions.jsonl') as CompletionRecord[],
  };
}

/** run.json of a folder. Errors: `bad_input` when there is none or it cannot be read. */
export async function readRecord(folder: RunFolder): Promise<RunRecord> {
  if (!(await folder.exists('run.json'))) {
    throw new LabError('bad_input', 'There is no run.json here, so this is not the folder of a run.');
  }
  return parseRunRecord(await readText(folder, 'run.json'));
}

/**
 * run.json's text as a record. Errors: `bad_input` in a sentence for text that is not JSON, another format number, or a
 * field that is missing or of the wrong kind.
 */
export function parseRunRecord(text: string): RunRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new LabError('bad_input', `run.json is not JSON (${String(cause)}).`, { cause });
  }
  const record = objectAt(value, 'run.json');
  if (record.format !== 1) {
    throw new LabError(
      'bad_input',
      `run.json has format ${JSON.stringify(record.format)}; this version of the lab reads format 1.`,
    );
  }
  for (const key of ['id', 'name', 'recipe', 'preset', 'status', 'created', 'adapter']) {
    expectKind(record, key, 'string');
  }
  for (const key of ['seed', 'step', 'total_steps']) expectKind(record, key, 'number');
  if (!STATUSES.includes(record.status as RunStatus)) {
    throw new LabError('bad_input', `run.json: status "${String(record.status)}" is none the lab knows.`);
  }
  for (const key of ['config', 'versions', 'seconds']) objectAt(record[key], `run.json: ${key}`);
  const model = objectAt(record.model, 'run.json: model');
  for (const key of ['name', 'hash', 'architecture']) expectKind(model, key, 'string', 'model.');
  expectKind(model, 'parameters', 'number', 'model.');
  const dataset = objectAt(record.dataset, 'run.json: dataset');
  for (const key of ['name', 'hash', 'format', 'task']) expectKind(dataset, key, 'string', 'dataset.');
  for (const key of ['train', 'validation']) expectKind(dataset, key, 'number', 'dataset.');
  if (!Array.isArray(record.events)) {
    throw new LabError('bad_input', 'run.json: events is not a list. The file is damaged or was edited.');
  }
  return value as RunRecord;
}

/**
 * The record of a run whose process has ended: one that still says loading, running or paused was cut off (a closed
 * tab, a crash, a lost battery) and becomes stopped, with a note. What it had saved is all there.
 */
export function settleInterrupted(record: RunRecord): RunRecord {
  if (!UNFINISHED.includes(record.status)) return record;
  const text = `The run was cut off at step ${record.step} of ${record.total_steps}; what it had saved is kept.`;
  return {
    ...record,
    status: 'stopped',
    events: [...record.events, { step: record.step, kind: 'note', text }],
  };
}

async function readText(folder: RunFolder, path: string): Promise<string> {
  return (await folder.exists(path)) ? new TextDecoder().decode(await folder.read(path)) : '';
}

function objectAt(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LabError('bad_input', `${where} is not an object. The file is damaged or was edited.`);
  }
  return value as Record<string, unknown>;
}

function expectKind(
  record: Record<string, unknown>,
  key: string,
  kind: 'string' | 'number',
  prefix = '',
): void {
  if (typeof record[key] !== kind) {
    throw new LabError(
      'bad_input',
      `run.json: ${prefix}${key} is missing or not a ${kind}. The file is damaged or was edited.`,
    );
  }
}
