import type { BackplaneError, Joined, Member, Position, Publication, Subscription } from '../../src/index.js';

const decoder = new TextDecoder();

function textOf({ item }: Publication): string {
  return decoder.decode(item);
}

/** Notes what it is told, in order, as a line each. */
export class TestMember implements Member {
  readonly lines: string[] = [];
  readonly positions: (Position | null)[] = [];
  /** How many publications it takes before it takes no more. */
  takes = Infinity;
  /** Called within each call, after it was noted. */
  onCall: (subscription: Subscription, line: string) => void = () => undefined;

  /** The publications that it has taken. */
  get texts(): string[] {
    return this.lines.filter((line) => line.startsWith('+')).map((line) => line.slice(1));
  }

  joined(subscription: Subscription, joined: Joined): void {
    const { position, top } = joined;
    this.positions.push(position);
    const at = position ? `${position.offset} of ${top}` : 'nowhere';
    this.#note(
      subscription,
      joined.recovered ? `joined at ${at}, undone ${joined.undone}` : `${joined.reason}, at ${at}`,
    );
  }

  push(subscription: Subscription, publication: Publication): boolean {
    if (this.takes === 0) return false;
    this.takes--;
    this.#note(subscription, `+${textOf(publication)}`);
    return true;
  }

  skipped(subscription: Subscription, position: Position, dropped: number): void {
    this.#note(subscription, `skipped ${dropped} to ${position.offset}`);
  }

  degraded(subscription: Subscription, cause: BackplaneError): void {
    this.#note(subscription, `degraded: ${cause.code}`);
  }

  restored(subscription: Subscription): void {
    this.#note(subscription, 'restored');
  }

  #note(subscription: Subscription, line: string): void {
    this.lines.push(line);
    this.onCall(subscription, line);
  }
}
