import { LabError } from '../errors';

/** A model repository of the Hub, and which of its revisions is asked for: a branch, a tag or a commit. */
export interface RepositoryName {
  id: string;
  revision: string;
  /** The ONNX graph whose page was given. */
  file?: string;
}

const PART = String.raw`[A-Za-z0-9][\w.-]*`;
const ID = new RegExp(`^(?:${PART}/)?${PART}$`);
const ADDRESS = /^(?:https?:\/\/)?(?:www\.)?(?:huggingface\.co|hf\.co)\//;
const PAGES = ['tree', 'blob', 'resolve', 'commit'];

/**
 * A repository as people write it: `owner/name`, `owner/name@revision`, or the address of one of its pages on the Hub.
 * Errors: `bad_input` with what was expected.
 */
export function parseRepository(text: string): RepositoryName {
  const trimmed = text.trim();
  const name = ADDRESS.test(trimmed) ? fromAddress(trimmed) : fromId(trimmed);
  if (name && ID.test(name.id) && name.revision !== '') return name;
  throw new LabError(
    'bad_input',
    `"${trimmed}" is no model of the Hub. Write it as owner/name, owner/name@revision, or paste the address of its page.`,
  );
}

function fromId(text: string): RepositoryName {
  const [id = '', revision = 'main'] = text.split('@', 2);
  return { id, revision };
}

function fromAddress(text: string): RepositoryName | undefined {
  const parts = text.replace(ADDRESS, '').split(/[?#]/)[0]?.split('/').filter(Boolean) ?? [];
  // datasets/…, spaces/… and the Hub's own pages are no models.
  if (['datasets', 'spaces', 'models', 'docs', 'collections'].includes(parts[0] ?? '')) return undefined;
  const at = parts.findIndex((part, i) => i > 0 && PAGES.includes(part));
  const id = parts.slice(0, at < 0 ? 2 : at).join('/');
  const revision = at < 0 ? 'main' : decodeURIComponent(parts[at + 1] ?? 'main');
  const file = at < 0 ? '' : parts.slice(at + 2).join('/');
  return { id, revision, ...(file.endsWith('.onnx') ? { file } : {}) };
}
