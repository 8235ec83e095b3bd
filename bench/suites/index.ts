import type { SuiteTable } from '../suite';

/**
 * Suites that run in Node and in the lab's page alike, in the order in which they run. The roofline comes before all; steps
 * are last because they end by counting, and the counter watches the device from then on.
 */
export const suites: SuiteTable = {
  kernels: async () => (await import('./kernels')).kernels,
  growth: async () => (await import('./growth')).growth,
  steps: async () => (await import('./steps')).steps,
};
