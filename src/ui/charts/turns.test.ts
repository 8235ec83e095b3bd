import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { takeTurn } from './turns';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('one turn a task, in order, and what was taken back never comes', () => {
  const drawn: string[] = [];
  takeTurn(() => drawn.push('a'));
  const takeBack = takeTurn(() => drawn.push('b'));
  takeTurn(() => drawn.push('c'));
  expect(drawn).toEqual([]);
  vi.advanceTimersToNextTimer();
  expect(drawn).toEqual(['a']);
  takeBack();
  vi.advanceTimersToNextTimer();
  expect(drawn).toEqual(['a', 'c']);
  vi.runAllTimers();
  expect(drawn).toEqual(['a', 'c']);
});

test('a turn that fails keeps nobody waiting', () => {
  const drawn: string[] = [];
  takeTurn(() => {
    throw new Error('no');
  });
  takeTurn(() => drawn.push('after'));
  expect(() => vi.advanceTimersToNextTimer()).toThrow('no');
  vi.runAllTimers();
  expect(drawn).toEqual(['after']);
});
