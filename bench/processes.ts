import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { answerOf, type Drip, type Dripped, type Order, type SubjectName } from './wire.js';

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

  static async start(name: SubjectName): Promise<Subject> {
    const child = fork(fileURLToPath(new URL('./subject.js', import.meta.url)), [name], { execArgv: ['--expose-gc'] });
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
