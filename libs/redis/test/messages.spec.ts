import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readCommand, readMessage, writeCommand } from '../src/messages.js';

it('a publication is read as the script has written it, whatever its item is', () => {
  const position = fc.tuple(fc.nat(), fc.stringMatching(/^[\w ~-]{1,60}$/), fc.nat(), fc.uint8Array());
  fc.assert(
    fc.property(position, ([offset, epoch, at, item]) => {
      const payload = Buffer.concat([Buffer.from(`${offset} ${epoch} ${at}\n`), item]);
      const message = readMessage(payload);
      expect(message).toMatchObject({ offset, epoch, at });
      expect(Buffer.from(message?.item ?? [])).toEqual(Buffer.from(item));
    }),
  );
});

it('a command is read as it was written, whatever the node is called', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.uint8Array(), (from, command) => {
      const read = readCommand(writeCommand(from, command));
      expect(read?.from).toBe(from);
      expect(Buffer.from(read?.command ?? [])).toEqual(Buffer.from(command));
    }),
  );
});

it('what others publish to a channel is read as nothing, and throws nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (payload) => {
      const message = readMessage(payload);
      if (message) expect(message.offset).toBeGreaterThanOrEqual(0);
      expect(() => readCommand(payload)).not.toThrow();
    }),
  );
  expect(readMessage(Buffer.from('hello'))).toBeUndefined();
  expect(readMessage(Buffer.from('-1 e 5\nitem'))).toBeUndefined();
  expect(readMessage(Buffer.from('x y z\nitem'))).toBeUndefined();
});
