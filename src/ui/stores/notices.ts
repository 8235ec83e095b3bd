/** Faults shown to the person, newest last: each stays until it is closed. */
import { create } from 'zustand';
import { toLabError } from '../../errors';
import type { ErrorCode } from '../../worker/protocol';

export interface Notice {
  id: number;
  code: ErrorCode;
  message: string;
}

interface NoticesState {
  notices: readonly Notice[];
}

export const useNotices = create<NoticesState>(() => ({ notices: [] }));

const MOST_SHOWN = 4;
let nextId = 1;

/** Shows a fault. The same sentence is not shown twice at once. */
export function report(error: unknown): void {
  const { code, message } = toLabError(error);
  useNotices.setState(({ notices }) => {
    const others = notices.filter((notice) => notice.message !== message);
    return { notices: [...others, { id: nextId++, code, message }].slice(-MOST_SHOWN) };
  });
}

export function dismiss(id: number): void {
  useNotices.setState(({ notices }) => ({ notices: notices.filter((notice) => notice.id !== id) }));
}

export function dismissAll(): void {
  useNotices.setState({ notices: [] });
}
