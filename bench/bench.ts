/**
 * npm run bench: the adapter's measured roofline, then kernels, whole steps and growth under it, on Dawn in Node.
 *   --suite a,b    which parts (default: all but peers and soak); `roofline` alone measures nothing else
 *   --model a,b    some models only: nano, mini, SmolLM2-135M, GPT-2, Qwen2.5-0.5B
 *   --axis a,b     of growth: tokens, sequence_length, batch, vocabulary, model_size (default: all)
 *   --minutes N    of soak
 *   --json FILE    also writes the report
 *   --add          adds its figures to the report that FILE holds, instead of writing it anew
 * The same suites run in a browser: npm run bench:browser, and the lab's /bench page.
 */
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openNodeGpu } from '../src/cli/node_gpu';
import { pinTuned } from '../src/cli/tuned_gpu';
import { adapterName, openGpu } from '../src/gpu/device';
import { VERSION } from '../src/version';
import { namesOf } from './names';
import { ReportFile } from './report_file';
import { runBench } from './run';
import { suites } from './suites';
import type { SuiteTable } from './suite';
import { figureLine, rooflineLine } from './table';

/** Suites that take many minutes, need Node, or packages of bench/ itself: run when asked for by name. */
const onRequest: SuiteTable = {
  soak: async () => (await import('./suites/soak')).soak,
  peers: async () => {
    const { measurePeers } = await import('./peers');
    const { launchChildren } = await import('./peers/children');
    return async (context) => measurePeers(await launchChildren(), context);
  },
};

const OPTIONS = {
  suite: { type: 'string', default: Object.keys(suites).join(',') },
  model: { type: 'string' },
  json: { type: 'string' },
  add: { type: 'boolean', default: false },
  axis: { type: 'string' },
  minutes: { type: 'string' },
} as const;

function dawnVersion(): string {
  const file = join('node_modules', 'webgpu', 'package.json');
  if (!existsSync(file)) return 'unknown';
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

try {
  const { values } = parseArgs({ options: OPTIONS });
  const file = new ReportFile(values.json, values.add);
  const gpu = await openGpu(await openNodeGpu());
  file.checkAdapter(adapterName(gpu.facts));
  await pinTuned(gpu);
  const report = await runBench(gpu, {
    suites: { ...suites, ...onRequest },
    chosen: namesOf(values.suite),
    models: namesOf(values.model),
    versions: { lab: VERSION, node: process.version.slice(1), dawn: dawnVersion() },
    settings: { axis: values.axis, minutes: values.minutes },
    read: async (path) => new Uint8Array(await readFile(join('public', path))),
    onStart: ({ adapter }) => console.log(adapter),
    onRoofline: (roofline) => console.log(rooflineLine(roofline)),
    onFigure: (figure) => console.log(figureLine(figure)),
    onNote: (sentence) => console.log(`  ${sentence}`),
  });
  file.write(report);
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
