/** Work on something that can do one thing at a time: one after another, in the order of asking. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** A failure is the caller's own; whoever comes next is not told. */
  take<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
