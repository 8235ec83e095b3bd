import { openRun } from '../../runs/open_run';
import { LabError } from '../../errors';
import type { Command } from '../command';
import { isFolder } from '../files';
import { NodeFolder } from '../node_folder';
import { pairedTest, runTable, summaryOf } from '../run_table';

/** `reft-lab compare`: two runs side by side, with a paired test. */
export const compare: Command = {
  name: 'compare',
  summary: 'Compare two runs: accuracy with intervals, and a paired test on the same problems.',
  usage: 'DIR DIR [--json]',
  positionals: ['DIR', 'DIR'],
  options: {},
  details: `
The paired test (McNemar, exact, two-sided) is on the test set where both runs have one (train --eval-data), else on
validation at each run's best step.`,
  async run(args, io) {
    const runs = await Promise.all([0, 1].map((index) => openFolder(args.positional(index))));
    const [a, b] = runs;
    if (!a || !b) return;
    const { split, comparison } = pairedTest(a, b);
    const records = runs.map(({ record }) => record);
    io.result(
      { runs: records.map(summaryOf), split, ...comparison },
      `${runTable(records)}\n\nOn ${split}: ${comparison.sentence}.`,
    );
  },
};

async function openFolder(path: string) {
  if (!isFolder(path))
    throw new LabError('bad_input', `There is no folder ${path}. Give the folder of a run.`);
  try {
    return await openRun(new NodeFolder(path));
  } catch (cause) {
    if (!(cause instanceof LabError)) throw cause;
    throw new LabError(cause.code, `${path}: ${cause.message}`, { cause });
  }
}
