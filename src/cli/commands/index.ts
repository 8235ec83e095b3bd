import type { Command } from '../command';
import { check } from './check';
import { compare } from './compare';
import { data } from './data';
import { demo } from './demo';
import { evaluate } from './eval';
import { exportCommand } from './export';
import { generate } from './generate';
import { grade } from './grade';
import { score } from './score';
import { train } from './train';

/** Every command, in the order the help lists them. */
export const COMMANDS: readonly Command[] = [
  demo,
  data,
  train,
  evaluate,
  compare,
  generate,
  score,
  grade,
  exportCommand,
  check,
];
