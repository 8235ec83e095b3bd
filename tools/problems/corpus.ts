/**
 * Fresh text for pretraining, as JSON lines {question, cot, value} on standard output:
 * `npx tsx tools/problems/corpus.ts --level easy --count 128000 --seed 1 --spoilt 0.1 > corpus.jsonl`
 * No bundled problem is in it, neither its question nor its template with the same numbers.
 */
import { parseArgs } from 'node:util';
import { BUNDLED_SEED, drawSplits, problemStream, SPLITS, nothingTaken, take } from './draw_problems';
import { LEVELS, type LevelName } from './levels';
import { questionOf, type Problem } from './problem';
import { Random } from './random';
import { withoutAnnotations, workOut, workOutWrongly } from './solution';

const { values } = parseArgs({
  options: {
    level: { type: 'string', default: 'easy' },
    count: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    spoilt: { type: 'string', default: '0.1' },
  },
});
const level = LEVELS[values.level as LevelName];
const taken = nothingTaken();
const bundled = drawSplits(level.name, BUNDLED_SEED);
for (const split of SPLITS) for (const problem of bundled[split]) take(problem, taken);

const seed = Number(values.seed);
const random = new Random(seed + 1_000_003);
const stream = problemStream(level.name, seed, taken);
for (let i = 0; i < Number(values.count); i++) {
  const problem = stream.next().value as Problem;
  const spoilt = random.chance(Number(values.spoilt));
  const { lines, answer } = spoilt
    ? workOutWrongly(problem, level.largest, random)
    : workOut(problem, level.largest);
  const row = {
    question: questionOf(problem),
    cot: withoutAnnotations(lines.join('\n')),
    value: String(answer),
  };
  process.stdout.write(`${JSON.stringify(row)}\n`);
}
