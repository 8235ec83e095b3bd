/** What a person dropped, picked or pasted, told apart by names alone. Pure. */

export type Route<F> =
  | { kind: 'dataset'; file: F }
  | { kind: 'model'; files: F[] }
  | { kind: 'zips'; files: F[] }
  | { kind: 'nothing'; reason: string };

/** A .zip holds an exported run or a model; a set with .safetensors weights is a model; a single other file is a dataset. */
export function routeFiles<F extends { name: string }>(files: readonly F[]): Route<F> {
  const first = files[0];
  if (!first)
    return {
      kind: 'nothing',
      reason: 'Nothing was dropped. Drop a dataset file, a model folder, or a .zip of a model or a run.',
    };
  if (files.every((file) => /\.zip$/i.test(file.name))) return { kind: 'zips', files: [...files] };
  if (
    files.some((file) => /\.(safetensors|onnx)$/i.test(file.name)) ||
    files.some((file) => file.name === 'config.json')
  ) {
    return { kind: 'model', files: [...files] };
  }
  if (files.length === 1) return { kind: 'dataset', file: first };
  return {
    kind: 'nothing',
    reason: `${files.length} files were dropped at once. Drop one dataset file, one model folder, or .zip files of runs or models.`,
  };
}

/** Pasted text as a file, when it looks like a dataset: a JSON array, or JSON objects a line. */
export function fileFromPaste(text: string): { name: string; text: string } | null {
  const start = text.trimStart()[0];
  if (start === '[') return { name: 'pasted.json', text };
  return start === '{' ? { name: 'pasted.jsonl', text } : null;
}

/** `?model=nano&set=max_steps=20&set=seed=1`: settings of the demo in the page's address, as on the command line. */
export function demoOptions(query: string): {
  model: string | null;
  overrides: Record<string, number | boolean | string>;
} {
  const params = new URLSearchParams(query);
  const overrides: Record<string, number | boolean | string> = {};
  for (const assignment of params.getAll('set')) {
    const at = assignment.indexOf('=');
    if (at > 0) overrides[assignment.slice(0, at)] = readValue(assignment.slice(at + 1));
  }
  return { model: params.get('model'), overrides };
}

function readValue(text: string): number | boolean | string {
  if (text === 'true' || text === 'false') return text === 'true';
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** Where dropped files lay in what was dropped: a File itself knows its path only when it was picked. */
const droppedPaths = new WeakMap<File, string>();

/** A file's path from the folder that was dropped or picked, its name alone outside one. */
export function pathOf(file: File | undefined): string {
  if (!file) return '';
  return droppedPaths.get(file) ?? (file.webkitRelativePath || file.name);
}

/** Every file of a drop, folders walked through. Browser only. */
export async function droppedFiles(transfer: DataTransfer): Promise<File[]> {
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  if (entries.length === 0) return [...transfer.files];
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    droppedPaths.set(file, entry.fullPath.replace(/^\//, ''));
    return [file];
  }
  if (!isFolder(entry)) return [];
  const reader = entry.createReader();
  const files: File[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return files;
    for (const child of some) files.push(...(await filesOf(child)));
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}
