/** Streams of problems that never repeat, and the three splits. */
import { LEVELS, type LevelName } from './levels';
import { keyOf, makeProblem, questionOf, type Problem } from './problem';
import { Random } from './random';
import { TEMPLATES } from './stories/index';

/** What is already taken: questions as text, and templates with their numbers. */
export interface Taken {
  questions: Set<string>;
  keys: Set<string>;
}

export const SPLIT_SIZES = { train: 2000, validation: 300, test: 500 } as const;
export type SplitName = keyof typeof SPLIT_SIZES;
export const SPLITS = Object.keys(SPLIT_SIZES) as SplitName[];

/** The seed of the bundled problems. Pretraining uses other seeds and leaves the bundled problems out. */
export const BUNDLED_SEED = 20240117;

/**
 * Problems of a level for ever, templates by their weight, none whose key or question is in `taken`.
 * The caller adds what it keeps to `taken` where it must not come again.
 */
export function* problemStream(levelName: LevelName, seed: number, taken: Taken): Generator<Problem> {
  const level = LEVELS[levelName];
  const templates = TEMPLATES.filter((template) => template.levels.includes(levelName));
  const random = new Random(seed);
  for (;;) {
    const template = random.pick(templates);
    if (!random.chance(template.weight ?? 1)) continue;
    const problem = makeProblem(template, level, random);
    if (problem && !taken.keys.has(keyOf(problem)) && !taken.questions.has(questionOf(problem)))
      yield problem;
  }
}

export const nothingTaken = (): Taken => ({ questions: new Set(), keys: new Set() });

/** Marks a problem as taken. */
export function take(problem: Problem, taken: Taken): void {
  taken.questions.add(questionOf(problem));
  taken.keys.add(keyOf(problem));
}

/** The three splits of a level: no question text and no template with the same numbers twice. */
export function drawSplits(levelName: LevelName, seed: number): Record<SplitName, Problem[]> {
  const taken = nothingTaken();
  const stream = problemStream(levelName, seed, taken);
  const splits: Record<SplitName, Problem[]> = { train: [], validation: [], test: [] };
  for (const name of SPLITS) {
    while (splits[name].length < SPLIT_SIZES[name]) {
      const problem = stream.next().value as Problem;
      take(problem, taken);
      splits[name].push(problem);
    }
  }
  return splits;
}
