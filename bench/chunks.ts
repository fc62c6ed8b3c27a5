import { Subject } from './processes.js';
import { type Drip, type Dripped, largestBytes, type LargeSubject } from './wire.js';

/** What the smallest packets in use carry (RFC 9293 section 3.7.1). */
const smallestPacket = 536;
/** What Node reads at once. */
const largestChunk = 65_536;
/** As many chunks as a gateway that takes 100 MiB has to allow. */
const manyChunks = largestBytes['100m'] / 512;

/** Each frame: of how many bytes, in packets of which size. */
const frames = {
  '256k': [
    ['byte by byte', largestBytes['256k'], 1],
    ['byte by byte, as many as allowed', 4_000, 1],
    ['whole, in packets of 536 B', largestBytes['256k'], smallestPacket],
    ['whole, in chunks of 64 KiB', largestBytes['256k'], largestChunk],
  ],
  '100m': [
    ['byte by byte, 204,800 B', manyChunks, 1],
    ['whole, in packets of 536 B', largestBytes['100m'], smallestPacket],
    ['whole, in chunks of 64 KiB', largestBytes['100m'], largestChunk],
  ],
} as const;

/** The longest stop of the event loop that one frame causes, by how it arrives. */
export async function chunks(): Promise<void> {
  console.log('\nLongest stop of the event loop that one frame causes, by how it arrives (ws has no limit of chunks)');
  for (const limit of ['256k', '100m'] as const) {
    for (const [how, bytes, packetBytes] of frames[limit]) {
      for (const name of [`ws-${limit}`, `holdfast-${limit}`] as const) {
        const { stopMs, told } = await leastOf(name, { bytes, packetBytes });
        console.log(`  ${name.padEnd(14)} ${how.padEnd(34)} ${stopMs.toFixed(1).padStart(9)} ms  ${told}`);
      }
    }
  }
}

/** Whatever else the machine does stops the loop, too: of three the least, unless the first has taken a second. */
async function leastOf(name: LargeSubject, frame: Drip): Promise<Dripped> {
  const subject = await Subject.start(name);
  let least = await subject.drip(frame);
  for (let again = 0; again < 2 && least.stopMs < 1_000; again++) {
    const next = await subject.drip(frame);
    if (next.stopMs < least.stopMs) least = next;
  }
  subject.stop();
  return least;
}
