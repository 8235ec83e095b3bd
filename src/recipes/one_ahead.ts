/**
 * Keeps the GPU supplied: the next piece of work is submitted before the results of the last one are read. One piece at
 * most is ahead of its reader.
 */
export class OneAhead {
  private unread: (() => Promise<void>) | undefined;

  /**
   * Takes work that has been submitted, and what to do with its result; resolves when the piece before it has been dealt
   * with. Errors: those of the piece before it.
   */
  async push<T>(work: Promise<T>, deal: (result: T) => void | Promise<void>): Promise<void> {
    // Whoever deals with it hears of its error; until then it must not count as unheard.
    work.catch(() => undefined);
    const before = this.unread;
    this.unread = async () => deal(await work);
    await before?.();
  }

  /** Resolves when everything has been dealt with. Errors: those of the last piece. */
  async drain(): Promise<void> {
    const last = this.unread;
    this.unread = undefined;
    await last?.();
  }
}
