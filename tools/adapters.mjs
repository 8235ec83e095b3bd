import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

const PROBE = `
  import { create } from 'webgpu';
  const adapter = await create([]).requestAdapter();
  if (adapter) console.log(JSON.stringify([adapter.info.vendor, adapter.info.architecture, adapter.info.description].join(' ')));
  process.exit(adapter ? 0 : 1);`;

/**
 * Which adapters Dawn in Node really opens here, each tried in a process of its own: a driver may be installed and yet
 * too old (Mesa 22). `own` is what it opens by itself. Values are descriptions, undefined where there is none.
 * `env` must be set for the processes that are to find them.
 */
export function findAdapters(browser) {
  const drivers = softwareDrivers(browser);
  const withoutLibrary = probeAll(drivers, {});
  if (Object.values(withoutLibrary).some(Boolean) || !drivers.swiftshader)
    return { ...withoutLibrary, env: {} };
  // No Vulkan loader on this machine: the browser brings its own.
  const env = {
    LD_LIBRARY_PATH: [process.env.LD_LIBRARY_PATH, dirname(drivers.swiftshader)].filter(Boolean).join(':'),
  };
  return { ...probeAll(drivers, env), env };
}

function probeAll(drivers, env) {
  return {
    own: probe(env),
    lavapipe: drivers.lavapipe && probe({ ...env, VK_ICD_FILENAMES: drivers.lavapipe }),
    swiftshader: drivers.swiftshader && probe({ ...env, VK_ICD_FILENAMES: drivers.swiftshader }),
  };
}

function probe(env) {
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', PROBE], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, ...env },
  });
  return status === 0 ? JSON.parse(stdout.trim().split('\n').at(-1)) : undefined;
}

/** Vulkan driver manifests of the software adapters, as src/cli/node_gpu.ts looks for them. */
export function softwareDrivers(browser) {
  const lavapipe = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d']
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)))
    .find((file) => /lvp_icd.*\.json$/.test(file));
  const swiftshader = [
    ...(browser ? [dirname(browser), dirname(realpathSync(browser))] : []),
    '/usr/lib/chromium',
    '/usr/lib/chromium-browser',
    '/opt/google/chrome',
    '/opt/microsoft/msedge',
  ]
    .map((folder) => join(folder, 'vk_swiftshader_icd.json'))
    .find((file) => existsSync(file));
  return { lavapipe, swiftshader };
}
