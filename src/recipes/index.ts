import type { Recipe } from './recipe';
import { reft } from './reft';
import { sft } from './sft';

/** Every recipe of the lab, in the order they are offered. A new one is a file beside these and a line here. */
export const recipes: readonly Recipe[] = [sft, reft];
