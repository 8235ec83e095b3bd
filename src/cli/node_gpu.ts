import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { create, globals } from 'webgpu';
import { LabError } from '../errors';
import { isSoftware } from '../gpu/device';
import { waitPatiently } from './node_patience';

const SWIFTSHADER_FOLDERS = [
  '/usr/lib/chromium',
  '/usr/lib/chromium-browser',
  '/usr/lib64/chromium-browser',
  '/opt/google/chrome',
  '/opt/microsoft/msedge',
];

/** Vulkan driver manifests of the software adapters found on this (Linux) machine. */
export function softwareDrivers(): { lavapipe?: string; swiftshader?: string } {
  const lavapipe = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d']
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)))
    .find((file) => /lvp_icd.*\.json$/.test(file));
  const browser = process.env.CHROME_PATH;
  const swiftshader = [...(browser ? [dirname(browser)] : []), ...SWIFTSHADER_FOLDERS]
    .map((folder) => join(folder, 'vk_swiftshader_icd.json'))
    .find((file) => existsSync(file));
  return { ...(lavapipe ? { lavapipe } : {}), ...(swiftshader ? { swiftshader } : {}) };
}

/**
 * Every instance ever made: Dawn ends the process when one is collected while a device of it is in use. On globalThis,
 * because a bundler drops an array that nobody reads.
 */
const scope = globalThis as typeof globalThis & { dawnInstances?: GPU[] };

let isPatient = false;

function createInstance(): GPU {
  const instance = create([]);
  scope.dawnInstances = [...(scope.dawnInstances ?? []), instance];
  return instance;
}

/**
 * Dawn as `navigator.gpu` in Node. LAB_ADAPTER picks `hardware`, `lavapipe` or `swiftshader`; without it the hardware is
 * tried first, then the software adapters. Sets the WebGPU globals (GPUBufferUsage …) that the engine reads. Errors:
 * `bad_input` for another name, or for hardware where only software is.
 */
export async function openNodeGpu(): Promise<GPU> {
  Object.assign(globalThis, globals);
  if (!isPatient) waitPatiently(globals as Record<string, { prototype: object } | undefined>);
  isPatient = true;
  const drivers = softwareDrivers();
  const wanted = process.env.LAB_ADAPTER ?? 'auto';
  if (wanted === 'lavapipe' || wanted === 'swiftshader') {
    process.env.VK_ICD_FILENAMES = drivers[wanted] ?? '/no/such/driver';
    return createInstance();
  }
  const own = createInstance();
  if (wanted === 'hardware') {
    const adapter = await own.requestAdapter();
    if (!adapter || !isSoftware(adapter.info)) return own;
    throw new LabError(
      'bad_input',
      'LAB_ADAPTER asks for hardware, and there are only software adapters here.',
    );
  }
  if (wanted !== 'auto')
    throw new LabError('bad_input', `LAB_ADAPTER is hardware, lavapipe or swiftshader, not "${wanted}".`);
  if (process.env.VK_ICD_FILENAMES || (await own.requestAdapter())) return own;
  process.env.VK_ICD_FILENAMES = drivers.lavapipe ?? drivers.swiftshader ?? '';
  return createInstance();
}
