import type { Clock } from '@holdfast/backplane';
import type { BoundedLog } from '../ground/index.js';

/** Carries out a command of another node. What it returns is the answer. */
export type CommandHandler = (data: unknown, from: string) => unknown;

/** What nodes have answered to one command, by their names. */
export interface NodeAnswers {
  readonly answers: ReadonlyMap<string, unknown>;
  /** How many should have answered, and have not in time. Undefined: the engine does not know. */
  readonly silent: number | undefined;
}

export interface NodeCommandsParts {
  /** The name of this node. */
  readonly node: string;
  /** @returns the number of nodes reached, where it is known. @throws BackplaneError */
  readonly send: (to: string | null, command: Uint8Array) => Promise<number | undefined>;
  /** The names of all nodes that live, this one included; undefined: the engine does not know. */
  readonly living: () => Promise<readonly string[] | undefined>;
  readonly clock: Clock;
  readonly log: BoundedLog;
}

/** On the wire: a command, with an id where an answer is wanted, or an answer to one. */
interface CommandFrame {
  readonly command?: unknown;
  readonly answer?: unknown;
  readonly data?: unknown;
  readonly id?: unknown;
}

/** Commands between nodes. They get lost where a node cannot be reached; an answer says that one was carried out. */
export class NodeCommands {
  readonly #handlers = new Map<string, CommandHandler>();
  readonly #asked = new Map<number, Asked>();
  #ids = 0;

  constructor(private readonly parts: NodeCommandsParts) {}

  /** Called at boot. */
  handle(command: string, handler: CommandHandler): void {
    this.#handlers.set(command, handler);
  }

  /** What the handler of this node returns. @throws what it throws */
  carryOutHere(command: string, data: unknown): unknown {
    return this.#handlers.get(command)?.(data, this.parts.node);
  }

  /** @throws (rejects with) BackplaneError */
  async tell(node: string, command: string, data: unknown): Promise<void> {
    await this.parts.send(node, frame({ command, data }));
  }

  /**
   * Sends a command to all other nodes, and waits until each that lives has answered.
   *
   * @throws (rejects with) BackplaneError
   */
  async askOthers(command: string, data: unknown, timeoutMs: number): Promise<NodeAnswers> {
    const id = ++this.#ids;
    const asked = new Asked();
    this.#asked.set(id, asked);
    const deadline = this.parts.clock.schedule(() => asked.end(), timeoutMs);
    try {
      const send = this.parts.send(null, frame({ command, data, id }));
      const [reached, living] = await Promise.all([send, this.parts.living()]);
      // The engine counts this node among those that it has reached. One that it has not reached may be connected to
      // clients all the same.
      asked.expect(living?.filter((name) => name !== this.parts.node) ?? (reached === undefined ? null : reached - 1));
      return await asked.ended;
    } finally {
      this.parts.clock.cancel(deadline);
      this.#asked.delete(id);
    }
  }

  /** From the engine, which must never be thrown at. */
  received(bytes: Uint8Array, from: string): void {
    // A command to all reaches its sender, too, which has carried it out by itself.
    const read = from === this.parts.node ? undefined : readFrame(bytes);
    if (!read) return;
    const { command, answer, data, id } = read;
    if (typeof answer === 'number') this.#asked.get(answer)?.answered(from, data);
    else if (typeof command === 'string') void this.#carryOut(command, data, from, id);
  }

  async #carryOut(command: string, data: unknown, from: string, id: unknown): Promise<void> {
    try {
      // A newer version of the application may send what this one does not know: it stays without an answer.
      const handler = this.#handlers.get(command);
      if (!handler) return;
      const answer: unknown = await handler(data, from);
      if (typeof id === 'number') await this.parts.send(from, frame({ answer: id, data: answer }));
    } catch (error) {
      this.parts.log.error(`command:${command}`, `The command "${command}" of another node failed`, error);
    }
  }
}

/** A command that waits for answers. */
class Asked {
  readonly #answers = new Map<string, unknown>();
  /** Names of nodes, their number, or null: nobody knows, and only time ends it. */
  #expected: readonly string[] | number | null = null;
  #end: (answers: NodeAnswers) => void = () => undefined;
  readonly ended = new Promise<NodeAnswers>((resolve) => (this.#end = resolve));

  expect(expected: readonly string[] | number | null): void {
    this.#expected = expected;
    this.#endWhenComplete();
  }

  answered(from: string, data: unknown): void {
    this.#answers.set(from, data);
    this.#endWhenComplete();
  }

  end(): void {
    this.#end({ answers: this.#answers, silent: this.#missing() });
  }

  #missing(): number | undefined {
    if (this.#expected === null) return undefined;
    if (typeof this.#expected === 'number') return Math.max(0, this.#expected - this.#answers.size);
    return this.#expected.filter((name) => !this.#answers.has(name)).length;
  }

  #endWhenComplete(): void {
    if (this.#missing() === 0) this.end();
  }
}

function frame(parts: CommandFrame): Uint8Array {
  return Buffer.from(JSON.stringify(parts));
}

function readFrame(bytes: Uint8Array): CommandFrame | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
