import type { SuiteTable } from '../suite';

/** Suites that run in Node and in the lab's page alike, in the order in which they run. The roofline comes before all. */
export const suites: SuiteTable = {
  kernels: async () => (await import('./kernels')).kernels,
  steps: async () => (await import('./steps')).steps,
};
