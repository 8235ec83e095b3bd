/**
 * Writes the bundled problems: `npx tsx tools/problems/generate.ts [--out public/problems] [--seed N]`.
 * The same seed writes the same bytes.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BUNDLED_SEED, drawSplits, SPLIT_SIZES, SPLITS } from './draw_problems';
import { toGsm8k, toNaturalCot, toProgramCot, toSvamp } from './formats';
import { LEVELS, type LevelName } from './levels';
import type { Problem } from './problem';

/** All files of a level by name. */
export function levelFiles(levelName: LevelName, seed: number): Record<string, string> {
  const { largest } = LEVELS[levelName];
  const splits = drawSplits(levelName, seed);
  const files: Record<string, string> = {};
  let number = 0;
  for (const split of SPLITS) {
    const numbered = splits[split].map((problem) => ({ problem, number: number++ }));
    const array = (row: (problem: Problem, number: number) => unknown) =>
      `[\n${numbered.map((one) => JSON.stringify(row(one.problem, one.number))).join(',\n')}\n]\n`;
    files[`${split}.jsonl`] = numbered
      .map((one) => `${JSON.stringify(toGsm8k(one.problem, largest))}\n`)
      .join('');
    const svamp = array((problem, n) => toSvamp(problem, n + 1));
    files[`${split}.svamp.json`] = svamp.replace(/"Answer":(\d+),/g, '"Answer":$1.0,');
    files[`${split}.ncot.json`] = array((problem, n) => toNaturalCot(problem, n, largest));
    files[`${split}.pcot.json`] = array((problem, n) => toProgramCot(problem, n));
  }
  return files;
}

/** The catalogue the lab reads: what there is, in which files. */
export function catalogue(seed: number): unknown {
  const files = (levelName: string, ending: string) =>
    Object.fromEntries(SPLITS.map((split) => [split, `${levelName}/${split}.${ending}`]));
  return {
    seed,
    licence: 'MIT',
    levels: Object.values(LEVELS).map(({ name, title, about }) => ({
      level: name,
      title,
      about,
      counts: SPLIT_SIZES,
      seed,
      files: {
        gsm8k: files(name, 'jsonl'),
        svamp: files(name, 'svamp.json'),
        ncot: files(name, 'ncot.json'),
        pcot: files(name, 'pcot.json'),
      },
    })),
  };
}

function main(): void {
  const { values } = parseArgs({
    options: {
      out: {
        type: 'string',
        default: join(dirname(fileURLToPath(import.meta.url)), '../../public/problems'),
      },
      seed: { type: 'string', default: String(BUNDLED_SEED) },
    },
  });
  const seed = Number(values.seed);
  for (const levelName of Object.keys(LEVELS) as LevelName[]) {
    mkdirSync(join(values.out, levelName), { recursive: true });
    for (const [name, text] of Object.entries(levelFiles(levelName, seed))) {
      writeFileSync(join(values.out, levelName, name), text);
    }
  }
  writeFileSync(join(values.out, 'index.json'), `${JSON.stringify(catalogue(seed), null, 2)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
