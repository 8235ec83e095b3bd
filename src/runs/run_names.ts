const ADJECTIVES =
  'amber bold brave bright brisk calm clear copper coral crisp dusty eager early fair fresh gentle golden green happy jolly keen kind lively lucky mellow merry noble quick quiet rapid silver sunny'.split(
    ' ',
  );
const ANIMALS =
  'badger bear beaver bison crane deer dove eagle falcon finch fox goose hare hawk heron ibis lark lynx magpie mole moose otter owl puffin raven robin seal stork swan tern wolf wren'.split(
    ' ',
  );

/** A name one can say, "amber-otter", out of two numbers in 0..1. */
export function spokenName(first: number, second: number): string {
  const pick = (words: string[], share: number) => words[Math.floor(share * words.length)] ?? words[0];
  return `${pick(ADJECTIVES, first)}-${pick(ANIMALS, second)}`;
}

/** An id for a new run that sorts by time and can be a folder's name: "2026-11-21-024500-amber-otter". */
export function newRunId(now: Date): string {
  const [first = 0, second = 0] = crypto.getRandomValues(new Uint32Array(2));
  const time = now.toISOString().slice(0, 19).replace('T', '-').replaceAll(':', '');
  return `${time}-${spokenName(first / 2 ** 32, second / 2 ** 32)}`;
}

/** The first of "ReFT 1", "ReFT 2", … that no other run bears. */
export function nextRunName(label: string, taken: readonly string[]): string {
  let number = 1;
  while (taken.includes(`${label} ${number}`)) number++;
  return `${label} ${number}`;
}
