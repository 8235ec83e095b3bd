import { version } from '../package.json';

/** The lab's version, recorded with every run. A leaf, like errors.ts. */
export const VERSION = version;
