import { CloseCode, type HelloData, parseHello, ReservedEvent } from '@holdfast/protocol';
import { GatewayFeature, type Link, LinkField, type LinkObserver } from '../connection/index.js';
import type { FrameReply, ReceivesFrames } from '../dispatch/index.js';
import { Deadline } from '../ground/index.js';

type Greeted = (hello: HelloData) => void;

/** Takes the first frame of SDK clients: `$hello` (PROTOCOL.md 6.1). */
@GatewayFeature()
export class HelloFrames implements LinkObserver, ReceivesFrames {
  readonly reservedFrames = {
    [ReservedEvent.hello]: (reply: FrameReply, data: unknown, id: string | number | undefined): void => {
      const greeted = this.#expected.get(reply.link);
      const hello = greeted && parseHello(data);
      if (!hello) reply.violate('RESERVED_EVENT', '$hello may be sent once', id);
      else if (hello.ok) this.#greet(reply.link, hello.value);
      else reply.violate(hello.error.code, hello.error.message, id);
    },
  };
  readonly #expected = new LinkField<Greeted>('hello');

  /** Calls back once, when `$hello` has come; closes the connection when it does not come in time. */
  expect(link: Link, timeoutMs: number, greeted: Greeted): void {
    this.#expected.set(link, greeted);
    const deadline = new Deadline(() => {
      if (link.phase === 'hello') link.close(CloseCode.HELLO_TIMEOUT, 'no $hello in time');
    });
    link.after(deadline, timeoutMs);
  }

  ended(link: Link): void {
    this.#expected.set(link, undefined);
  }

  #greet(link: Link, hello: HelloData): void {
    const greeted = this.#expected.get(link);
    this.#expected.set(link, undefined);
    link.greet();
    greeted?.(hello);
  }
}
