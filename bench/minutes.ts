/** One look at a run that goes on. */
export interface Look {
  /** Since the beginning. */
  seconds: number;
  /** Trained and generated so far. */
  tokens: number;
  /** Bytes; NaN where nobody can say. */
  heap: number;
  /** Bytes of live GPU buffers. */
  gpu: number;
  /** Seconds of processor time so far; NaN where nobody can say. */
  cpu: number;
}

export interface Minute {
  tokensPerSecond: number;
  tokensPerCpuSecond: number;
  /** The least of the minute: what garbage collection left. */
  heap: number;
  /** The most of the minute. */
  gpu: number;
}

type Counted = 'tokens' | 'cpu';

/**
 * A run minute by minute. A step that two minutes share counts for each by its time in it: rates come from the counts
 * interpolated at the minutes' ends. The last, unfinished minute is left out.
 */
export function byMinute(looks: readonly Look[]): Minute[] {
  const minutes: Minute[] = [];
  const end = looks.at(-1)?.seconds ?? 0;
  for (let from = 0; from + 60 <= end; from += 60) {
    const first = looks.findIndex(({ seconds }) => seconds >= from);
    const next = looks.findIndex(({ seconds }) => seconds >= from + 60);
    // The first look of the next minute closes this one, so that none is empty.
    const inside = looks.slice(first, next + 1);
    const spent = (what: Counted): number => at(looks, from + 60, what) - at(looks, from, what);
    minutes.push({
      tokensPerSecond: spent('tokens') / 60,
      tokensPerCpuSecond: spent('tokens') / spent('cpu'),
      heap: Math.min(...inside.map(({ heap }) => heap)),
      gpu: Math.max(...inside.map(({ gpu }) => gpu)),
    });
  }
  return minutes;
}

function at(looks: readonly Look[], seconds: number, what: Counted): number {
  const after = looks.findIndex((look) => look.seconds >= seconds);
  const right = looks[after];
  const left = looks[after - 1];
  if (!right) return looks.at(-1)?.[what] ?? 0;
  if (!left) return right[what];
  const share = (seconds - left.seconds) / (right.seconds - left.seconds);
  return left[what] + share * (right[what] - left[what]);
}
