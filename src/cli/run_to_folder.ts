import { join } from 'node:path';
import { LabError, type ErrorCode } from '../errors';
import { mib } from '../gpu/arena';
import { OnnxReference } from '../model/onnx_reference';
import { RunControl } from '../recipes/control';
import type { RunPlan } from '../recipes/plan_run';
import { bytesByPurpose } from '../recipes/fit';
import { runSession, type Session } from '../recipes/session';
import type { MetricRow, RunRecord } from '../runs/run';
import { newRunId } from '../runs/run_names';
import type { RunListener } from '../runs/run_recorder';
import { VERSION } from '../version';
import { isFolder } from './files';
import { Stopped } from './interrupt';
import type { Io } from './io';
import { NodeFolder } from './node_folder';
import { loadNodeOnnxRuntime } from './node_onnx';
import { nodeProgramRunner } from './program_runner';
import type { ProgressBar } from './progress';
import { percent } from './table';

const LONGEST_PHASE = 'generate'.length;

/** What differs between runs; the rest of a session is the same for all on a command line. */
export type CliRun = Omit<
  Session,
  'id' | 'folder' | 'control' | 'listener' | 'planned' | 'versions' | 'programs' | 'makeOnnxReference'
> & { out: string };

/**
 * Runs a recipe into a folder, with a progress bar; the first Ctrl-C stops it and keeps it.
 * Errors: `Stopped`, or the run's own typed error with where what was made is kept.
 */
export async function runToFolder(run: CliRun, io: Io): Promise<RunRecord> {
  const { out, ...session } = run;
  const control = new RunControl();
  const stop = () => control.stop();
  if (io.signal.aborted) stop();
  io.signal.addEventListener('abort', stop);
  const bar = io.progress();
  const programs = nodeProgramRunner({ notice: (text) => io.note(text) });
  let record: RunRecord;
  try {
    record = await runSession({
      ...session,
      id: newRunId(new Date()),
      folder: new NodeFolder(out),
      control,
      listener: progressListener(bar, session.name),
      planned: (plan) => io.note(memoryLine(plan)),
      versions: { lab: VERSION, node: process.versions.node },
      programs,
      makeOnnxReference: async (policy, model, plan) => {
        const runtime = await loadNodeOnnxRuntime(policy.gpu);
        return OnnxReference.create(policy.gpu, runtime, model.config, await policy.save(), plan.capacity);
      },
    });
  } finally {
    bar.end();
    programs.close();
    io.signal.removeEventListener('abort', stop);
  }
  if (record.status === 'stopped') {
    throw new Stopped(
      `Stopped at step ${record.step} of ${record.total_steps}; the run is kept in ${out}, its model in ${join(out, 'model')}.`,
    );
  }
  if (record.status !== 'done') {
    const { code = 'bug', message = `The run ended as ${record.status}.` } = record.error ?? {};
    throw new LabError(code as ErrorCode, `${message} What was made is kept in ${out}.`);
  }
  return record;
}

/** Refuses to write a run over another. Errors: `bad_input`. */
export async function checkRunFolder(out: string): Promise<void> {
  if (isFolder(out) && (await new NodeFolder(out).list()).length > 0) {
    throw new LabError(
      'bad_input',
      `${out} is not empty; a run is never written over another. Choose a new folder, or remove that one first.`,
    );
  }
  await new NodeFolder(out).remove('run.json.partial'); // fails now when nothing can be written there
}

/** The memory a run will take on the GPU, by purpose. */
const memoryLine = ({ bytes, totalBytes }: RunPlan): string =>
  `memory: ${mib(totalBytes)} on the GPU (${bytesByPurpose(bytes)})`;

/** Bar, step and time left, with the figure that says most: loss or reward, and held-out accuracy. */
function progressListener(bar: ProgressBar, label: string): RunListener {
  let detail = '';
  let accuracy = '';
  return {
    metrics: ({ values }: MetricRow) => {
      const { loss, 'objective/scores': reward } = values;
      if (reward !== undefined) detail = `reward ${reward.toFixed(3)}`;
      else if (loss !== undefined) detail = `loss ${loss.toFixed(3)}`;
    },
    evaluation: (evaluation) => {
      accuracy = `held-out ${percent(evaluation.accuracy)}`;
    },
    progress: ({ step, total, phase, secondsLeft }) =>
      bar.update({
        done: step,
        total,
        label: `${label} ${phase.padEnd(LONGEST_PHASE)}`,
        secondsLeft,
        detail: [detail, accuracy].filter(Boolean).join('  '),
      }),
  };
}
