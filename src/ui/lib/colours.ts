/** One hue a run, fixed for its life and colour-blind safe: SFT blue, ReFT orange, further arms teal, magenta, olive. */
export const HUES = ['blue', 'orange', 'teal', 'magenta', 'olive'] as const;
export type Hue = (typeof HUES)[number];

/** The five hues are told apart further by their dash once all are in use. */
export const DASHES = ['', '7 3', '2 3', '9 3 2 3'] as const;

export interface RunColour {
  hue: Hue;
  /** Index into DASHES. */
  dash: number;
}

const OWN_HUE: Record<string, Hue> = { sft: 'blue', reft: 'orange' };

/**
 * Colours for runs that have none yet; those given keep theirs. A run takes its recipe's own hue when it is free, then a
 * hue no recipe owns, then the least used hue with the next dash. Recorded runs leave the hues to the person's own and
 * are dashed beside them.
 */
export function assignColours(
  runs: readonly { id: string; recipe: string; recorded?: boolean }[],
  known: Readonly<Record<string, RunColour>>,
): Record<string, RunColour> {
  const colours: Record<string, RunColour> = {};
  const uses = new Map<Hue, number>(HUES.map((hue) => [hue, 0]));
  const give = (id: string, colour: RunColour) => {
    colours[id] = colour;
    uses.set(colour.hue, (uses.get(colour.hue) ?? 0) + 1);
  };
  for (const run of runs) {
    const colour = known[run.id];
    if (colour && !run.recorded) give(run.id, colour);
  }
  for (const run of runs) {
    if (colours[run.id]) continue;
    const own = OWN_HUE[run.recipe];
    if (run.recorded) {
      const hue = own ?? 'teal';
      colours[run.id] = { hue, dash: runs.some((other) => !other.recorded) ? 1 : 0 };
      continue;
    }
    const owned = Object.values(OWN_HUE);
    const order = HUES.toSorted((a, b) => rank(a) - rank(b));
    function rank(hue: Hue): number {
      const preference = hue === own ? 0 : owned.includes(hue) ? 0.6 : 0.3;
      return (uses.get(hue) ?? 0) + preference;
    }
    const hue = order[0] ?? 'blue';
    give(run.id, { hue, dash: (uses.get(hue) ?? 0) % DASHES.length });
  }
  return colours;
}

/** CSS colour of a run's line. */
export function lineColour(colour: RunColour | undefined): string {
  return colour ? `var(--run-${colour.hue})` : 'var(--line-strong)';
}

/** CSS colour of a run's name and values: the same hue at text contrast. */
export function textColour(colour: RunColour | undefined): string {
  return colour ? `var(--run-${colour.hue}-text)` : 'var(--text-2)';
}
