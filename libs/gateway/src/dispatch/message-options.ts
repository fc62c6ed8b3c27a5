import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { IsLimit, max32 } from '../ground/index.js';

/**
 * What one peer may send.
 *
 * @publicApi
 */
export class MessageOptions {
  /** Bytes of one message, all fragments together. Default 262,144 (256 KiB). Above it: close 1009. */
  @IsOptional()
  @IsInt()
  @Min(128)
  @Max(max32)
  maxPayloadBytes?: number;

  /**
   * Fragments of one message. Default 1,024 (where the gateway takes messages of more than 512 KiB, one for each 512
   * bytes of the largest). Above it: close 1008.
   */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(max32)
  maxFragments?: number;

  /**
   * Chunks in which one fragment may arrive; what the socket delivers at once is a chunk. Default 4,096 (where the
   * gateway takes messages of more than 2 MiB, one for each 512 bytes of the largest). Above it: close 1008. Without it
   * a message that arrives byte by byte takes 300 times its size in memory, and time that grows with the square of it.
   */
  @IsOptional()
  @IsInt()
  @Min(128)
  @Max(max32)
  maxBufferedChunks?: number;

  /**
   * Bytes that messages may hold which have not arrived whole, over all connections of this process; what it takes to
   * keep them is included. Default 67,108,864 (64 MiB: room for 256 of the largest messages by default, and for four
   * where a gateway takes messages of more than 16 MiB). Must be at least twice the largest message. Above it the
   * connection that holds most is closed with 1013. Infinity: no limit.
   */
  @IsOptional()
  @IsLimit(1_048_576)
  unfinishedBytes?: number;

  /**
   * Messages that may wait for their turn on one connection. Default 256. Above it the socket is not read (TCP
   * backpressure).
   */
  @IsOptional()
  @IsInt()
  @Min(1)
  inboxMessages?: number;

  /**
   * Bytes that may wait for their turn on one connection. Default 1,048,576 (1 MiB). Above it the socket is not read.
   */
  @IsOptional()
  @IsInt()
  @Min(1)
  inboxBytes?: number;

  /**
   * Milliseconds one handler may take. Default 30,000. Then its request is answered `HANDLER_TIMEOUT` and the next
   * message has its turn. Infinity: no limit.
   */
  @IsOptional()
  @IsLimit(1)
  handlerTimeoutMs?: number;

  /**
   * Streams (observables still emitting) of one connection. Default 100. Above it: `TOO_MANY_STREAMS`. Infinity: no
   * limit.
   */
  @IsOptional()
  @IsLimit(1)
  maxStreams?: number;

  /**
   * Malformed frames, unknown events and the like that one connection may send. Default 20. Then: close 4400. Infinity:
   * no limit.
   */
  @IsOptional()
  @IsLimit(0)
  maxViolations?: number;

  /** Characters of an event name. Default 128. */
  @IsOptional()
  @IsInt()
  @Min(1)
  maxEventLength?: number;

  /** Characters of a request id. Default 64. */
  @IsOptional()
  @IsInt()
  @Min(1)
  maxIdLength?: number;

  /** Nesting of the data. Default 64. */
  @IsOptional()
  @IsInt()
  @Min(1)
  maxDepth?: number;

  /**
   * Properties of objects and elements of arrays in the data, at every level. Default 4,096: validating as many nested
   * objects takes about 50 ms, and nothing else is handled meanwhile. Above it: `TOO_MANY_MEMBERS`, before anything of
   * the application sees the message. Infinity: no limit.
   */
  @IsOptional()
  @IsLimit(1)
  maxMembers?: number;

  /**
   * Bytes one connection may send per second, with twice as many at once after a rest. All that arrives counts: headers
   * of frames, fragments, and frames that never become whole. Default 8,388,608 (8 MiB). Above it the socket is not
   * read for a while, and nothing is lost. Infinity: no limit.
   */
  @IsOptional()
  @IsLimit(1024)
  bytesPerSecond?: number;
}
