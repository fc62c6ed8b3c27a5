/** Something that has a deadline. */
export interface Due {
  /** Time of its deadline; Infinity: it has none. Written by the agenda only. */
  dueAt: number;
  attend(): void;
}

/** Deadlines without a timer each: the owner of the agenda calls {@link run} regularly. */
export class Agenda {
  readonly #due = new Set<Due>();

  /** Sets a deadline. An earlier deadline that is already set stays. */
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
