import { join } from 'node:path';
import { LabError } from '../../errors';
import type { Recipe } from '../../recipes/recipe';
import { readCheckpoint, type InitCheckpoint } from '../../recipes/session';
import { resolveConfig } from '../../recipes/settings';
import { openRun } from '../../runs/open_run';
import type { Config, RunRecord } from '../../runs/run';
import { UsageError, type Command } from '../command';
import { openData } from '../data_file';
import { openCliGpu } from '../gpu';
import { bundledModels, openModel } from '../model_dir';
import { NodeFolder } from '../node_folder';
import { pairedTest, runTable, summaryOf } from '../run_table';
import { checkRunFolder, runToFolder } from '../run_to_folder';
import { recipeOf } from './train';

/** Which problems each bundled model was made for; other models get the easy ones. */
const LEVELS: Record<string, string> = { nano: 'easy', mini: 'standard' };

/** `reft-lab demo`: SFT, then ReFT from SFT's warm-up checkpoint, and the comparison. */
export const demo: Command = {
  name: 'demo',
  summary: 'Train the bundled model by SFT and by ReFT from one warm-up, and compare them.',
  usage: '[--out DIR] [--model nano] [--preset demo|quick] [--set key=value]… [--json]',
  options: {
    out: { value: 'DIR', help: 'A new folder for the runs sft/ and reft/; reft-lab-demo unless given.' },
    model: { value: 'DIR', help: 'mini on a GPU, nano on a software adapter unless given.' },
    preset: { value: 'demo|quick', help: 'The settings; demo unless given.' },
    set: { value: 'KEY=VALUE', multiple: true, help: 'A setting of both recipes, where they have it.' },
  },
  details: `
Both runs train on the same bundled problems and are graded on the same 500 test problems at the end. On a software
adapter the demo preset takes long; --preset quick is a short look.`,
  async run(args, io) {
    const preset = args.maybe('preset') ?? 'demo';
    const out = args.maybe('out') ?? 'reft-lab-demo';
    const [sft, reft] = [recipeOf('sft'), recipeOf('reft')];
    const overrides = args.settings();
    checkKnown([sft, reft], overrides);
    const sftConfig = resolveConfig(sft, preset, known(sft, overrides));
    const reftConfig = resolveConfig(reft, preset, known(reft, overrides));
    await checkRunFolder(out);
    const gpu = await openCliGpu(io);
    const wanted = args.maybe('model') ?? bundledFor(gpu.facts.isSoftware);
    const { model } = await openModel(wanted, io);
    const level = LEVELS[wanted] ?? 'easy';
    const dataset = await openData(`${level}/train`, io);
    const evalDataset = await openData(`${level}/test`, io);
    const common = { gpu, model, dataset, evalDataset, preset, audit: false };

    const sftOut = join(out, 'sft');
    const first = await runToFolder(
      { ...common, recipe: sft, config: sftConfig, init: null, name: sft.label, out: sftOut },
      io,
    );
    const init = await warmupOf(first, sftOut);
    const reftOut = join(out, 'reft');
    const second = await runToFolder(
      {
        ...common,
        recipe: reft,
        config: init ? { ...reftConfig, warmup_epochs: 0 } : reftConfig,
        init,
        name: reft.label,
        out: reftOut,
      },
      io,
    );
    const runs = await Promise.all([sftOut, reftOut].map((path) => openRun(new NodeFolder(path))));
    const [a, b] = runs;
    if (!a || !b) return;
    const { split, comparison } = pairedTest(a, b);
    io.result(
      { out, model: model.name, runs: [first, second].map(summaryOf), split, ...comparison },
      `${runTable([first, second])}\n\nOn ${split}: ${comparison.sentence}.`,
    );
  },
};

function bundledFor(isSoftware: boolean): string {
  const models = bundledModels();
  const wanted = isSoftware || !models.includes('mini') ? 'nano' : 'mini';
  if (models.includes(wanted)) return wanted;
  throw new LabError('bad_input', 'No bundled model is here. Give one with --model DIR.');
}

/** The checkpoint SFT kept where its warm-up epochs ended; null when it was asked to keep none. */
async function warmupOf(record: RunRecord, out: string): Promise<InitCheckpoint | null> {
  const event = record.events.find(({ kind }) => kind === 'warmup_end');
  if (!event) return null;
  const checkpoint = String(event.step);
  return { run: record.id, checkpoint, files: await readCheckpoint(new NodeFolder(out), checkpoint) };
}

/** Errors: `UsageError` for a setting that neither recipe has. */
function checkKnown(list: readonly Recipe[], overrides: Config): void {
  for (const name of Object.keys(overrides)) {
    if (!list.some((recipe) => name in known(recipe, overrides))) {
      throw new UsageError(`Neither recipe has a setting "${name}". reft-lab train --help lists them.`);
    }
  }
}

function known(recipe: Recipe, overrides: Config): Config {
  const names = new Set(recipe.fields.map(({ name }) => name));
  return Object.fromEntries(Object.entries(overrides).filter(([name]) => names.has(name)));
}
