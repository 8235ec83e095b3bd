/**
 * From a template to a problem: draw the numbers and the words, tell the story, work it out.
 * A problem is checked while it is made: every step is a whole number from 1 to the level's largest.
 */
import type { Level, Range } from './levels';
import type { Random } from './random';
import type { Draw, Numbers, Operator, Step, Template } from './template';
import { BOXES, COLOURS, PEOPLE, THINGS } from './words';

export interface Problem {
  template: Template;
  numbers: Numbers;
  /** What {name}, {things} … stand for. */
  words: Record<string, string>;
  body: string;
  ask: string;
  /** Larger products are written digit by digit. */
  decomposed: boolean;
  answer: number;
}

/** Body and question as one text, as GSM8K has them. */
export const questionOf = (problem: Problem): string => `${problem.body} ${problem.ask}`;

/** Two problems with the same key are the same sum in the same template: never in two splits. */
export function keyOf(problem: Problem): string {
  return `${problem.template.id}(${Object.values(problem.numbers).join(',')})`;
}

/** Applies one operator; the caller checks that the result is a whole number. */
export function calculate(left: number, operator: Operator, right: number): number {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
  }
}

/** The value of an operand: a literal, a number of the story or the result of an earlier step. */
export function valueOf(operand: string, values: Numbers): number {
  const value = /^\d+$/.test(operand) ? Number(operand) : values[operand];
  if (value === undefined) throw new Error(`the step uses "${operand}", which the story does not have`);
  return value;
}

/** All values of a story, its numbers first, then each step's result; null where a step does not come out well. */
export function solve(steps: readonly Step[], numbers: Numbers, largest: number): Numbers | null {
  const values: Numbers = { ...numbers };
  for (const { name, left, operator, right } of steps) {
    const value = calculate(valueOf(left, values), operator, valueOf(right, values));
    if (!Number.isInteger(value) || value < 1 || value > largest) return null;
    values[name] = value;
  }
  return values;
}

/** Puts words and numbers into a sentence. Throws where the sentence names something the story lacks. */
export function tell(sentence: string, words: Record<string, string>, numbers: Numbers): string {
  return sentence.replace(/\{(\w+)\}/g, (_, name: string) => {
    if (name in words && name in numbers)
      throw new Error(`{${name}} in "${sentence}" is both a word and a number`);
    const filled = words[name] ?? numbers[name];
    if (filled === undefined) throw new Error(`"${sentence}" names {${name}}, which the story does not have`);
    return String(filled);
  });
}

/** Sentences that have nothing to do with what is asked; `{noise}` is a number of its own. */
const DISTRACTORS: readonly string[] = [
  '{bystander} has {noise} {other_things}.',
  '{name} also has {noise} {other_things}.',
  '{bystander} is {noise} years old.',
];

/** One problem, or null where the numbers drawn do not work out (the caller draws again). */
export function makeProblem(template: Template, level: Level, random: Random): Problem | null {
  const numbers = template.numbers(drawFor(level, random));
  if (Object.values(numbers).some((value) => value < 1)) return null;
  const values = solve(template.steps, numbers, level.largest);
  const lastStep = template.steps.at(-1);
  if (!values || !lastStep) return null;
  const words = drawWords(level, random);
  const told = template.body.map((sentence) => tell(sentence, words, numbers));
  const sentences = template.anyOrder ? random.shuffle(told) : told;
  if (random.chance(level.distractorShare)) {
    const noise = { noise: random.int(...level.few) + random.int(...level.few) };
    const where = random.pick(placesForDistractor(sentences));
    sentences.splice(where, 0, tell(random.pick(DISTRACTORS), words, noise));
  }
  return {
    template,
    numbers,
    words,
    body: sentences.join(' '),
    ask: tell(template.ask, words, numbers),
    decomposed: random.chance(level.decomposedShare),
    answer: valueOf(lastStep.name, values),
  };
}

/** Anywhere but before a sentence that leans on the one before it ("He", "Then"). */
function placesForDistractor(sentences: readonly string[]): number[] {
  const places = sentences.map((_, index) => index).concat(sentences.length);
  return places.filter((index) => !/^(He|She|They|Then|Today)\b/.test(sentences[index] ?? ''));
}

function drawFor(level: Level, random: Random): Draw {
  const within = ([low, high]: Range) => random.int(low, high);
  return {
    few: () => within(level.few),
    some: () => within(level.some),
    many: () => within(level.many),
    int: (low, high) => random.int(low, high),
  };
}

function drawWords(level: Level, random: Random): Record<string, string> {
  const people = random.shuffle(PEOPLE.slice(0, level.words.names));
  const things = random.shuffle(THINGS.slice(0, level.words.things));
  const colours = random.shuffle(COLOURS);
  const [person, other, third, bystander] = people;
  const [box, boxes] = random.pick(BOXES);
  const he = person?.he ?? 'she';
  return {
    name: person?.name ?? '',
    he,
    He: he === 'she' ? 'She' : 'He',
    other: other?.name ?? '',
    third: third?.name ?? '',
    bystander: bystander?.name ?? '',
    things: things[0] ?? '',
    other_things: things[1] ?? '',
    box,
    box_s: boxes,
    colour: colours[0] ?? '',
    colour_too: colours[1] ?? '',
    colour_last: colours[2] ?? '',
  };
}
