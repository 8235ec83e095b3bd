/**
 * A model of SmolLM2-135M's true shape (tools/true_shape/make.ts) on this machine's GPU, at WebGPU's default limits: three LoRA
 * steps of 512 tokens and a few generated ones, the same on frozen weights of 8 bits, one full step; times and bytes.
 *
 *   npx tsx tools/true_shape/make.ts DIR && npm run build:cli && node dist-cli/true_shape.js DIR [lora|q8|full]
 */
import { openNodeGpu } from '../../src/cli/node_gpu';
import { mib } from '../../src/gpu/arena';
import { adapterName, openGpu } from '../../src/gpu/device';
import { measureTrueShape, type Work } from './measure';

const WORKS: Record<string, Work> = {
  lora: { rank: 8, weights: 'f32', steps: 3, tokens: 512, newTokens: 16 },
  q8: { rank: 8, weights: 'q8', steps: 3, tokens: 512, newTokens: 16 },
  full: { rank: 0, weights: 'f32', steps: 1, tokens: 512, newTokens: 16 },
};

const [folder, ...chosen] = process.argv.slice(2);
if (!folder) throw new Error('usage: node dist-cli/true_shape.js DIR [lora|q8|full]');
for (const name of chosen.length ? chosen : Object.keys(WORKS)) {
  const work = WORKS[name];
  if (!work) throw new Error(`${name} is none of ${Object.keys(WORKS).join(', ')}`);
  const gpu = await openGpu(await openNodeGpu(), { defaultLimits: true });
  const before = process.cpuUsage();
  const found = await measureTrueShape(gpu, folder, work);
  const { user, system } = process.cpuUsage(before);
  const seconds = (values: number[]): string => values.map((value) => value.toFixed(1)).join(', ');
  console.log(
    `${adapterName(gpu.facts)}, ${name}: loaded in ${seconds([found.loading])} s; steps of ${work.tokens} tokens in ` +
      `${seconds(found.steps)} s, loss ${found.losses.map((loss) => loss.toFixed(3)).join(', ')}; ${found.generated.length} tokens ` +
      `generated in ${seconds([found.generating])} s; ${mib(found.planned)} planned, ${mib(found.made)} made; ${((user + system) / 1e6).toFixed(0)} s of processor time`,
  );
  gpu.close();
}
process.exit(0);
