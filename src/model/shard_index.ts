import { LabError } from '../errors';
import type { ByteSource } from './byte_source';
import { openSafetensors } from './safetensors';
import { joinedSource, type TensorSource } from './tensor_source';

/** Which tensor lies in which shard of a model that is saved as several files. */
export const SHARD_INDEX = 'model.safetensors.index.json';

const bad = (what: string): LabError =>
  new LabError('bad_input', `${SHARD_INDEX}: ${what}. Download the model again.`);

/** The shards an index names, sorted. Errors: `bad_input` when it is no index. */
export function shardNames(index: unknown): string[] {
  return [...new Set(weightMap(index).values())].sort();
}

/**
 * The shards of a model as one source. `fileOf`: a shard by its name, undefined where it is not there.
 * Errors: `bad_input` naming the shards that are missing, and a tensor that its shard does not hold.
 */
export async function openShards(
  index: unknown,
  fileOf: (name: string) => ByteSource | undefined,
): Promise<TensorSource> {
  const map = weightMap(index);
  const names = shardNames(index);
  const absent = names.filter((name) => !fileOf(name));
  if (absent.length) {
    throw new LabError(
      'bad_input',
      `${SHARD_INDEX} names ${names.length} files and ${absent.length} of them are not here (${absent.slice(0, 4).join(', ')}). ` +
        'Choose the folder with all of them.',
    );
  }
  const shards = new Map<string, TensorSource>();
  for (const name of names) {
    const file = fileOf(name);
    if (file) shards.set(name, await openSafetensors(file, name));
  }
  for (const [tensor, name] of map) {
    if (!shards.get(name)?.shape(tensor))
      throw bad(`it says that ${tensor} is in ${name}, which has no such tensor`);
  }
  return joinedSource(SHARD_INDEX.replace('.index.json', ''), [...shards.values()]);
}

function weightMap(index: unknown): Map<string, string> {
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== 'object' || map === null) throw bad('it has no weight_map');
  const entries = Object.entries(map as Record<string, unknown>);
  if (!entries.length) throw bad('its weight_map is empty');
  return new Map(
    entries.map(([tensor, file]) => {
      if (typeof file !== 'string') throw bad(`the file of ${tensor} is not a name`);
      return [tensor, file];
    }),
  );
}
