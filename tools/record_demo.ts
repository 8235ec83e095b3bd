/**
 * Records finished runs for the lab's first screen: `npx tsx tools/record_demo.ts RUN_FOLDER…` writes public/demo/<name>.zip
 * and index.json. A recording holds what is looked at (run.json, metrics, completions), not weights: it stays small.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { NodeFolder } from '../src/cli/node_folder';
import { MemoryFolder } from '../src/runs/memory_folder';
import { exportRun } from '../src/runs/run_zip';

const SHOWN = ['run.json', 'metrics.csv', 'completions.jsonl'];
const OUT = 'public/demo';

const folders = process.argv.slice(2);
if (!folders.length) {
  console.error(
    'Name the folders of finished runs: npx tsx tools/record_demo.ts reft-lab-demo/sft reft-lab-demo/reft',
  );
  process.exit(2);
}
mkdirSync(OUT, { recursive: true });
const names: string[] = [];
for (const path of folders) {
  const run = new NodeFolder(path);
  const recording = new MemoryFolder();
  for (const file of SHOWN) await recording.write(file, await run.read(file));
  const name = `${basename(path)}.zip`;
  writeFileSync(`${OUT}/${name}`, await exportRun(recording));
  names.push(name);
}
writeFileSync(`${OUT}/index.json`, JSON.stringify(names));
console.log(`${names.join(', ')} written to ${OUT}`);
