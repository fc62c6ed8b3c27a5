import type { Link } from '../../src/connection/link.js';
import { payloadBytes } from '../../src/connection/server-frame.js';
import { type Answers, EnvelopeAnswers } from '../../src/dispatch/answers.js';
import type { Invocation, MessageOwner } from '../../src/dispatch/invocation.js';
import type { StreamReply } from '../../src/dispatch/stream-reply.js';
import type { NestCallback } from '../../src/nest/call.js';
import type { LinkKit } from './link-kit.js';

/** The owner of messages that keeps what is sent for it, and has no socket. */
export class RecordingOwner implements MessageOwner {
  readonly link: Link;
  readonly answers: Answers = new EnvelopeAnswers(32);
  callbacks: NestCallback[] | undefined;
  readonly sent: unknown[] = [];
  readonly streams = new Set<StreamReply>();
  settledCount = 0;
  waiting = 0;

  constructor(kit: LinkKit) {
    const { link } = kit.arriving();
    // Answers go to the link as frames, because they are encoded by whoever knows what they are about.
    link.sendFrame = (frame) => {
      this.sent.push(JSON.parse(frame.toString('utf8', frame.length - payloadBytes(frame))));
      return true;
    };
    this.link = link;
  }

  get openStreams(): number {
    return [...this.streams].filter(({ isStreaming }) => isStreaming).length;
  }

  begun(): void {}

  settled(_invocation: Invocation): void {
    this.settledCount++;
  }

  addStream(stream: StreamReply): void {
    this.streams.add(stream);
  }

  removeStream(stream: StreamReply): void {
    this.streams.delete(stream);
  }
}
