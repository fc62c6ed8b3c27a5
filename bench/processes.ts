import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  answerOf,
  type ConnectedAnswer,
  type ConnectedOrder,
  type Drip,
  type Dripped,
  type FloodOrder,
  type InnocentAnswer,
  type InnocentOrder,
  type Order,
  type ReturningAnswer,
  type ReturningOrder,
  type SubjectName,
} from './wire.js';

/** Pins a process to a core, where the machine can: load and subject must not compete. */
function pin(child: ChildProcess, core: number): void {
  spawnSync('taskset', ['-a', '-cp', String(core), String(child.pid)]);
}

/** A server under measurement. */
export class Subject {
  private constructor(
    readonly name: SubjectName,
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  /** @param checkout - folder of another checkout whose benches are built; by default this one. */
  static async start(name: SubjectName, checkout?: string): Promise<Subject> {
    const own = fileURLToPath(new URL('./subject.js', import.meta.url));
    const program = checkout === undefined ? own : join(checkout, 'node_modules/.cache/bench/subject.js');
    const child = fork(program, [name], { execArgv: ['--expose-gc'] });
    const { port } = await answerOf<{ port: number }>(child);
    pin(child, 0);
    return new Subject(name, child, port);
  }

  /** CPU seconds used so far: user and system, all threads (Linux, proc(5)). */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // utime and stime are the fields 14 and 15 of the whole line, in hundredths of a second.
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Bytes resident in memory. */
  residentBytes(): number {
    return Number(readFileSync(`/proc/${this.child.pid}/statm`, 'utf8').split(' ')[1]) * 4096;
  }

  /** Bytes of JavaScript objects and buffers after a full collection. */
  async heapBytes(): Promise<number> {
    const answer = answerOf<{ heap: number }>(this.child);
    this.child.send('heap');
    return (await answer).heap;
  }

  /** Has it send a frame to itself. */
  async drip(frame: Drip): Promise<Dripped> {
    const answer = answerOf<Dripped>(this.child);
    this.child.send(frame);
    return answer;
  }

  /** Has it publish so many events at once to all of its clients. */
  publish(burst: number): void {
    this.child.send({ publish: burst });
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }
}

/** The process that makes the load. */
export class Generator {
  private constructor(private readonly child: ChildProcess) {}

  static async start(): Promise<Generator> {
    const child = fork(fileURLToPath(new URL('./generator.js', import.meta.url)));
    await answerOf(child);
    pin(child, 1);
    return new Generator(child);
  }

  async order(order: Order): Promise<void> {
    const done = answerOf(this.child);
    this.child.send(order);
    await done;
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }
}

/** The process that floods. It shares a core with the innocent client, and yields to it. */
export class Flood {
  private constructor(private readonly child: ChildProcess) {}

  static async start(order: FloodOrder): Promise<Flood> {
    const child = fork(fileURLToPath(new URL('./flood.js', import.meta.url)));
    await answerOf(child);
    pin(child, 1);
    child.send(order);
    return new Flood(child);
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }
}

/** The process of the client that does nothing wrong. */
export class Innocent {
  private constructor(private readonly child: ChildProcess) {}

  /** It has connected when this resolves. */
  static async start(order: InnocentOrder): Promise<Innocent> {
    const child = fork(fileURLToPath(new URL('./innocent.js', import.meta.url)));
    await answerOf(child);
    pin(child, 1);
    const connected = answerOf(child);
    child.send(order);
    await connected;
    return new Innocent(child);
  }

  async watch(): Promise<InnocentAnswer> {
    const answer = answerOf<InnocentAnswer>(this.child);
    this.child.send('watch');
    return answer;
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }
}

/** The process of clients that stay connected. */
export class Connected {
  private constructor(private readonly child: ChildProcess) {}

  static async start(order: ConnectedOrder): Promise<Connected> {
    const child = fork(fileURLToPath(new URL('./connected.js', import.meta.url)));
    await answerOf(child);
    pin(child, 1);
    const connected = answerOf(child);
    child.send(order);
    await connected;
    return new Connected(child);
  }

  /** Of what was asked since this was called last. */
  async p99(): Promise<ConnectedAnswer> {
    const answer = answerOf<ConnectedAnswer>(this.child);
    this.child.send('p99');
    return answer;
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }
}

/** Lets a fleet return, from a process of its own, and leave. It yields the core to the clients that are measured. */
export async function fleetReturns(order: ReturningOrder): Promise<ReturningAnswer> {
  const child = fork(fileURLToPath(new URL('./returning.js', import.meta.url)));
  await answerOf(child);
  pin(child, 1);
  if (child.pid !== undefined) setPriority(child.pid, 10);
  const answer = answerOf<ReturningAnswer>(child);
  child.send(order);
  try {
    return await answer;
  } finally {
    child.kill('SIGKILL');
  }
}

/** Runs a program that measures itself and prints what it finds. */
export async function runAlone(program: string): Promise<void> {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), [], { execArgv: ['--expose-gc'] });
  pin(child, 0);
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}
