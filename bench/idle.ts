import { Subject, type Generator } from './processes.js';
import type { SubjectName } from './wire.js';

const connections = 10_000;

/** Bytes per idle connection, after a full collection: of JavaScript and its buffers, and resident. */
export async function memory(generator: Generator, token: string): Promise<void> {
  console.log(`\nMemory per idle connection, ${connections} of them, after gc`);
  for (const name of ['ws', 'nest', 'socket.io', 'holdfast', 'holdfast-jwt'] satisfies SubjectName[]) {
    const { heap, resident } = await memoryOf(await Subject.start(name), generator, token);
    console.log(
      `  ${name.padEnd(20)} ${heap.toFixed(0).padStart(7)} B heap and buffers  ${resident.toFixed(0).padStart(7)} B resident`,
    );
  }
}

/** Of a fresh subject, which it ends. */
export async function memoryOf(
  subject: Subject,
  generator: Generator,
  token: string,
): Promise<{ heap: number; resident: number }> {
  const heap = await subject.heapBytes();
  const resident = subject.residentBytes();
  const socketIo = subject.name === 'socket.io';
  await generator.order({ kind: 'hold', port: subject.port, socketIo, token, connections });
  const each = {
    heap: ((await subject.heapBytes()) - heap) / connections,
    resident: (subject.residentBytes() - resident) / connections,
  };
  subject.stop();
  await generator.order({ kind: 'release' });
  return each;
}

/** Share of a core that the heartbeat of idle connections takes, over two intervals. */
export async function heartbeat(generator: Generator, token: string): Promise<void> {
  const seconds = 50;
  console.log(`\nHeartbeat of ${connections} idle connections at 25 s, watched for ${seconds} s (ws has none)`);
  for (const name of ['ws', 'holdfast'] satisfies SubjectName[]) {
    const share = await heartbeatOf(await Subject.start(name), generator, token, seconds);
    console.log(`  ${name.padEnd(20)} ${share.toFixed(2)} % of a core`);
  }
}

/** Percent of a core, of a fresh subject, which it ends. */
export async function heartbeatOf(
  subject: Subject,
  generator: Generator,
  token: string,
  seconds: number,
): Promise<number> {
  await generator.order({ kind: 'hold', port: subject.port, socketIo: false, token, connections });
  const before = subject.cpuSeconds();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const share = ((subject.cpuSeconds() - before) / seconds) * 100;
  subject.stop();
  await generator.order({ kind: 'release' });
  return share;
}
