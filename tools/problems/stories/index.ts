/** Every story template there is. */
import type { Template } from '../template';
import { BOXES } from './boxes';
import { COLOURS_STORIES } from './colours';
import { COMPARING } from './comparing';
import { DAYS } from './days';
import { GIVING } from './giving';
import { LEFTOVERS } from './leftovers';
import { SHARING } from './sharing';
import { SHOPPING } from './shopping';
import { STANDARD_CHAINS } from './standard_chains';
import { STANDARD_MONEY } from './standard_money';
import { STANDARD_PLACES } from './standard_places';
import { TIMES } from './times';

export const TEMPLATES: readonly Template[] = [
  ...BOXES,
  ...GIVING,
  ...COMPARING,
  ...TIMES,
  ...SHARING,
  ...SHOPPING,
  ...DAYS,
  ...LEFTOVERS,
  ...COLOURS_STORIES,
  ...STANDARD_MONEY,
  ...STANDARD_PLACES,
  ...STANDARD_CHAINS,
];
