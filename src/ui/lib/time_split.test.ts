import { describe, expect, it } from 'vitest';
import { exampleRecord } from '../../runs/testing';
import { gradingOf, timeParts } from './time_split';

describe('the time split', () => {
  const seconds = { generate: 3, train: 6, waiting: 1 };

  it('names the parts a run has spent time in, in the order of an iteration; they add up', () => {
    const parts = timeParts(seconds);
    expect(parts.map(({ label, share }) => [label, share])).toEqual([
      ['generate', 0.3],
      ['update', 0.6],
      ['waiting', 0.1],
    ]);
    expect(timeParts({})).toEqual([]);
  });

  it('says grading beside them, and nothing where it was not counted', () => {
    expect(gradingOf(exampleRecord({ seconds, grade_seconds: 2 }))).toEqual({ seconds: 2, share: 0.2 });
    expect(gradingOf(exampleRecord({ seconds }))).toBeNull();
  });
});
