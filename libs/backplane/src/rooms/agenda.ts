/** Something that wants to be looked at, once, some time from now. */
export interface Due {
  /** On the clock of the agenda; Infinity: it waits for nothing. Kept by the agenda. */
  dueAt: number;
  attend(): void;
}

/** What has to be looked at later, without a timer each. */
export class Agenda {
  readonly #due = new Set<Due>();

  /** Looks at it then; sooner, where that was wanted before. */
  add(due: Due, at: number): void {
    due.dueAt = Math.min(due.dueAt, at);
    this.#due.add(due);
  }

  remove(due: Due): void {
    due.dueAt = Infinity;
    this.#due.delete(due);
  }

  run(now: number): void {
    for (const due of this.#due) {
      if (due.dueAt > now) continue;
      this.remove(due);
      due.attend();
    }
  }
}
