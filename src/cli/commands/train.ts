import { basename, resolve } from 'node:path';
import { refuseWithoutCot } from '../../data/open';
import { settingsOf } from '../../recipes/adapter';
import { recipes } from '../../recipes';
import type { Recipe } from '../../recipes/recipe';
import { resolveConfig } from '../../recipes/settings';
import type { Config } from '../../runs/run';
import { ADAPTER_OPTION, adapterCheckpoint, openAdapter } from '../adapter_dir';
import { UsageError, type Command } from '../command';
import { openData } from '../data_file';
import { openCliGpu } from '../gpu';
import { openModel } from '../model_dir';
import { runTable, summaryOf } from '../run_table';
import { checkRunFolder, runToFolder } from '../run_to_folder';

/** `reft-lab train`: a recipe from data and model to a run's folder. */
export const train: Command = {
  name: 'train',
  summary: 'Fine-tune a model by a recipe and write the run’s folder.',
  usage: '--recipe sft|reft --data FILE --model DIR --out DIR [options]',
  options: {
    recipe: { value: 'sft|reft', required: true, help: 'The training method.' },
    data: { value: 'FILE', required: true, help: 'Training problems; or a bundled level: easy, standard.' },
    model: {
      value: 'DIR',
      required: true,
      help: 'A Hugging Face folder, a run, RUN/checkpoints/STEP, owner/name of the Hub, or a bundled model: nano.',
    },
    adapter: { ...ADAPTER_OPTION, help: `${ADAPTER_OPTION.help} Training goes on with it.` },
    out: { value: 'DIR', required: true, help: 'A new folder for the run; it opens in the lab too.' },
    'eval-data': { value: 'FILE', help: 'A test set, graded once at the end; it chooses nothing.' },
    preset: { value: 'ID', help: 'A named set of settings, see below; --set goes over it.' },
    set: { value: 'KEY=VALUE', multiple: true, help: 'A setting, see below.' },
    name: { value: 'NAME', help: 'The run’s name; the folder’s name unless given.' },
    audit: { help: 'Also write audit.jsonl: all that is needed to recompute each PPO update.' },
  },
  details: `
DIR gets run.json, metrics.csv (a row a step), completions.jsonl, checkpoints/ (0 is the state before the first update)
and model/, the best by held-out accuracy as a Hugging Face folder. With lora_rank above 0 the model stays frozen: adapter/ is
PEFT's folder of what was trained, model/ has it merged in, and checkpoints/STEP/adapter/ stands where the weights would. From a
checkpoint (--model RUN/checkpoints/STEP; with LoRA the model it started from and --adapter RUN/checkpoints/STEP/adapter) a run goes on
counting epochs, tokens and seconds; the optimizer and the schedule begin anew. Packed as a .zip, it opens in the lab (Open run).

${recipes.map(recipeHelp).join('\n\n')}`,
  async run(args, io) {
    const recipe = recipeOf(args.text('recipe'));
    const preset = args.maybe('preset');
    const adapterName = args.maybe('adapter');
    const adapter = await openAdapter(adapterName, args.text('model'), io);
    const start = adapter ? settingsOf(adapter) : {};
    const config = resolveConfig(recipe, preset, { ...start, ...args.settings() });
    const out = args.text('out');
    await checkRunFolder(out);
    const options = { keep_annotations: config['keep_annotations'] === true };
    const dataset = await openData(args.text('data'), io, options);
    const refusal = needsCot(recipe, config) ? refuseWithoutCot(dataset) : null;
    if (refusal) throw refusal;
    const evalPath = args.maybe('eval-data');
    const evalDataset = evalPath === undefined ? null : await openData(evalPath, io, options);
    const { model, init: own } = await openModel(args.text('model'), io);
    const init = (adapterName === undefined ? null : await adapterCheckpoint(adapterName)) ?? own;
    const gpu = await openCliGpu(io);
    const record = await runToFolder(
      {
        gpu,
        model,
        recipe,
        preset: preset ?? 'defaults',
        config,
        dataset,
        evalDataset,
        init,
        adapter,
        name: args.maybe('name') ?? basename(resolve(out)),
        audit: args.flag('audit'),
        out,
      },
      io,
    );
    io.result({ out, ...summaryOf(record) }, `${runTable([record])}\n\nThe run is in ${out}.`);
  },
};

/** Errors: `UsageError` naming the recipes there are. */
export function recipeOf(id: string): Recipe {
  const recipe = recipes.find((candidate) => candidate.id === id);
  if (recipe) return recipe;
  throw new UsageError(`There is no recipe "${id}". There are ${recipes.map((one) => one.id).join(', ')}.`);
}

/** Whether any of the run is supervised. */
function needsCot(recipe: Recipe, config: Config): boolean {
  return recipe.id === 'sft' || (typeof config['warmup_epochs'] === 'number' && config['warmup_epochs'] > 0);
}

function recipeHelp({ id, label, paper, presets, fields }: Recipe): string {
  const lines = fields.map(({ name, default: value, help, choices }) => {
    const among = choices ? ` One of ${choices.join(', ')}.` : '';
    return `  ${`${name}=${String(value)}`.padEnd(36)} ${help}${among}`;
  });
  return [
    `--recipe ${id}: ${label} (${paper})`,
    `  presets: ${presets.map((preset) => preset.id).join(', ')}`,
    ...lines,
  ].join('\n');
}
