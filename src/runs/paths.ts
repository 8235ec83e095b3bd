import { LabError } from '../errors';

/**
 * A path inside a run's folder, checked: relative, forward slashes, no `..`, no empty part.
 * Errors: `bad_input` for any other.
 */
export function checkPath(path: string): string {
  const parts = path.split('/');
  const isBad = (part: string) => ['', '.', '..'].includes(part) || /[\\:]/.test(part) || part.includes('\0');
  if (parts.some(isBad)) throw new LabError('bad_input', `"${path}" is not a path inside a run's folder.`);
  return path;
}

/** Whether `path` is `folder` itself or lies in it. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
