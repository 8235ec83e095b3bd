import type { Command } from '../command';
import { data } from './data';
import { grade } from './grade';

export const COMMANDS: readonly Command[] = [data, grade];
