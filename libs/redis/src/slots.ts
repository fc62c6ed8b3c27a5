export const slots = 16_384;

const encoder = new TextEncoder();

/** The slot of a cluster that a key with this tag belongs to: CRC-16/XMODEM, see the cluster specification of Redis. */
export function slotOf(tag: Uint8Array): number {
  let crc = 0;
  for (const byte of tag) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return (crc & 0xffff) % slots;
}

/** The slot of a key or a channel: of its tag if there is one, which is what is between its first braces. */
export function slotOfKey(key: string): number {
  const start = key.indexOf('{') + 1;
  const end = start > 0 ? key.indexOf('}', start) : -1;
  return slotOf(encoder.encode(end > start ? key.slice(start, end) : key));
}

/**
 * A tag for each partition, whose slots are spread evenly: partition i has the smallest number whose slot lies in the
 * i-th of as many equal ranges. The names `0`, `1`, `2` would leave some masters of a cluster with twice as much.
 */
export function tagsFor(partitions: number): readonly string[] {
  const tags = new Array<string | undefined>(partitions).fill(undefined);
  for (let missing = partitions, number = 0; missing > 0; number++) {
    const tag = String(number);
    const partition = Math.floor((slotOf(encoder.encode(tag)) * partitions) / slots);
    if (tags[partition] !== undefined) continue;
    tags[partition] = tag;
    missing--;
  }
  return tags.map(String);
}
