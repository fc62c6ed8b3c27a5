import { Subject, type Generator } from './processes.js';
import type { SubjectName } from './wire.js';

const connections = 10_000;

/** Bytes per idle connection, after a full collection: of JavaScript and its buffers, and resident. */
export async function memory(generator: Generator, token: string): Promise<void> {
  console.log(`\nMemory per idle connection, ${connections} of them, after gc`);
  for (const name of ['ws', 'nest', 'socket.io', 'holdfast', 'holdfast-jwt'] satisfies SubjectName[]) {
    const subject = await Subject.start(name);
    const heap = await subject.heapBytes();
    const resident = subject.residentBytes();
    await generator.order({ kind: 'hold', port: subject.port, socketIo: name === 'socket.io', token, connections });
    const heapEach = ((await subject.heapBytes()) - heap) / connections;
    const residentEach = (subject.residentBytes() - resident) / connections;
    console.log(
      `  ${name.padEnd(20)} ${heapEach.toFixed(0).padStart(7)} B heap and buffers  ${residentEach.toFixed(0).padStart(7)} B resident`,
    );
    subject.stop();
    await generator.order({ kind: 'release' });
  }
}

/** Share of a core that the heartbeat of idle connections takes, over two intervals. */
export async function heartbeat(generator: Generator, token: string): Promise<void> {
  const seconds = 50;
  console.log(`\nHeartbeat of ${connections} idle connections at 25 s, watched for ${seconds} s (ws has none)`);
  for (const name of ['ws', 'holdfast'] satisfies SubjectName[]) {
    const subject = await Subject.start(name);
    await generator.order({ kind: 'hold', port: subject.port, socketIo: false, token, connections });
    const before = subject.cpuSeconds();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const share = ((subject.cpuSeconds() - before) / seconds) * 100;
    console.log(`  ${name.padEnd(20)} ${share.toFixed(2)} % of a core`);
    subject.stop();
    await generator.order({ kind: 'release' });
  }
}
