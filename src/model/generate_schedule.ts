import type { Prompt } from './generate';

/** A row of the decoding batch: which completion it makes, where its keys and values live, how many steps it may take. */
interface Row {
  /** Index of the prompt. */
  owner: number;
  slot: number;
  left: number;
}

export interface ScheduleLimits {
  /** Slots of the KV cache, and most rows of a decoding step. */
  slots: number;
  /** Tokens and sequences of one packed prefill. */
  tokens: number;
  sequences: number;
  /** Tokens a slot holds, prompt and completion. */
  context: number;
  /** Most tokens of a completion. */
  max_new_tokens: number;
}

/** What starts together: `prefills` are computed, then `copies` made, then `rows` begin to decode. */
export interface Admission {
  prefills: { slot: number; tokens: readonly number[] }[];
  copies: { from: number; to: number; length: number }[];
  /** `limit`: most tokens of the completion. */
  rows: { row: number; slot: number; prompt: Prompt; limit: number }[];
}

/** One submit of decoding steps, and whose each row of it is. */
export interface Burst {
  steps: number;
  owners: number[];
}

/** Decoding steps in one submit, between two looks at what has finished. */
export const STEPS = 16;

/**
 * Who decodes where, without a GPU: prompts wait in order; rows of the decoding batch stay dense; a KV slot remembers the
 * prompt it holds, so that the next completion of that prompt copies it, or finds it in place, instead of computing it
 * again. It runs ahead of what the GPU has told: a row whose limit is reached in a burst is free once that burst is
 * submitted, a row that ended early once it is told so (`release`).
 */
export class Schedule {
  private readonly prompts: readonly Prompt[];
  private readonly limits: ScheduleLimits;
  /** Equal prompts have equal numbers. */
  private readonly kinds: readonly number[];
  /** Which kind of prompt each slot begins with; -1: none. */
  private readonly held: number[];
  private readonly busy: boolean[];
  private rows: (Row | undefined)[] = [];
  private next = 0;

  constructor(prompts: readonly Prompt[], limits: ScheduleLimits) {
    this.prompts = prompts;
    this.limits = limits;
    const known = new Map<string, number>();
    this.kinds = prompts.map(({ tokens }) => {
      const key = tokens.join();
      const kind = known.get(key) ?? known.size;
      known.set(key, kind);
      return kind;
    });
    this.held = new Array<number>(limits.slots).fill(-1);
    this.busy = new Array<boolean>(limits.slots).fill(false);
  }

  /** Seats waiting prompts, as many as one packed prefill holds; none: nothing waits, or no slot is free. */
  admit(): Admission | undefined {
    const admission: Admission = { prefills: [], copies: [], rows: [] };
    let tokens = 0;
    for (; this.next < this.prompts.length; this.next++) {
      const prompt = this.prompts[this.next];
      const kind = this.kinds[this.next] ?? -1;
      if (!prompt) break;
      const length = prompt.tokens.length - 1;
      const slot = this.freeSlot(kind, admission);
      if (slot === undefined) break;
      if (this.held[slot] !== kind && length > 0) {
        const holder = this.held.indexOf(kind);
        if (holder >= 0) {
          const copied = admission.copies.find(({ to }) => to === holder);
          admission.copies.push({ from: copied?.from ?? holder, to: slot, length });
        } else {
          tokens += length;
          const { length: count } = admission.prefills;
          if (count > 0 && (count === this.limits.sequences || tokens > this.limits.tokens)) break;
          admission.prefills.push({ slot, tokens: prompt.tokens.slice(0, -1) });
        }
      }
      this.held[slot] = kind;
      this.busy[slot] = true;
      const limit = Math.min(this.limits.max_new_tokens, this.limits.context - prompt.tokens.length);
      const row = this.vacantRow();
      this.rows[row] = { owner: this.next, slot, left: limit };
      admission.rows.push({ row, slot, prompt, limit });
    }
    return admission.rows.length ? admission : undefined;
  }

  /** Closes the gaps among the rows: the last ones take the vacant places. Call between `admit` and `burst`. */
  compact(): { from: number; to: number }[] {
    const moves: { from: number; to: number }[] = [];
    for (let to = 0; to < this.rows.length; to++) {
      while (this.rows.length && !this.rows.at(-1)) this.rows.pop();
      if (to >= this.rows.length || this.rows[to]) continue;
      const from = this.rows.length - 1;
      this.rows[to] = this.rows.pop();
      moves.push({ from, to });
    }
    return moves;
  }

  /** The next steps, `most` at most, for all rows; undefined when every row has certainly ended. */
  burst(most = STEPS): Burst | undefined {
    const left = Math.max(0, ...this.rows.map((row) => row?.left ?? 0));
    if (left === 0) return undefined;
    const steps = Math.min(most, left);
    const burst = { steps, owners: this.rows.map((row) => row?.owner ?? -1) };
    for (const row of this.rows) {
      if (!row) continue;
      row.left -= steps;
      if (row.left <= 0) this.release(row.owner);
    }
    return burst;
  }

  /** The completion has ended: its row and slot are free. Saying it again changes nothing. */
  release(owner: number): void {
    const at = this.rows.findIndex((row) => row?.owner === owner);
    const row = this.rows[at];
    if (!row) return;
    this.busy[row.slot] = false;
    this.rows[at] = undefined;
  }

  private vacantRow(): number {
    const vacant = this.rows.findIndex((row) => row === undefined);
    return vacant >= 0 ? vacant : this.rows.length;
  }

  /** A free slot, best one that holds this kind already; never one that this admission still copies from. */
  private freeSlot(kind: number, { copies }: Admission): number | undefined {
    const free = this.busy.flatMap((busy, slot) => (busy ? [] : [slot]));
    return (
      free.find((slot) => this.held[slot] === kind) ??
      free.find((slot) => !copies.some(({ from }) => from === slot))
    );
  }
}
