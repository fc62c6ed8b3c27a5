import { plainToInstance } from 'class-transformer';
import {
  IsIn,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  Max,
  Min,
  validateSync,
  type ValidationError,
} from 'class-validator';
import { IsGroup, IsLimit, max32 } from '../ground/index.js';

/**
 * How much of a room is kept for members that reconnect.
 *
 * @publicApi
 */
export class RoomHistoryOptions {
  /**
   * Publications. Default 0: nothing is kept, and there are no positions. 1: only the newest matters, and a new member
   * gets it. More: members get every publication once and in order, also after a reconnect.
   */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(max32)
  size?: number;

  /** Milliseconds for which a publication is kept. Default 300,000 (5 minutes). */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(max32)
  ttlMs?: number;

  /** Bytes of the publications of one room. Default 1,048,576 (1 MiB). Beyond it the oldest are dropped. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(max32)
  maxBytes?: number;
}

/**
 * The policy of all rooms whose names match a pattern.
 *
 * @publicApi
 */
export class RoomPolicyOptions {
  /** Such as `lobby` or `orders/:id`. A fixed segment wins over a `:name`. */
  @IsString()
  @IsNotEmpty()
  pattern!: string;

  /** How much is kept. Default: nothing. */
  @IsGroup(() => RoomHistoryOptions)
  history?: RoomHistoryOptions;

  /**
   * What a member gets that did not read fast enough, in rooms with history. `catch-up`: everything it missed. `skip`:
   * only the newest publications, and how many it missed. Default `catch-up`.
   */
  @IsOptional()
  @IsIn(['catch-up', 'skip'])
  slow?: 'catch-up' | 'skip';

  /**
   * Publications that a member gets at most when it comes back. If it missed more, it is told `too-many`. Default
   * 1,000. 0: none. Infinity: all that are kept.
   */
  @IsOptional()
  @IsLimit(0)
  maxRecovered?: number;

  /**
   * Milliseconds for which a publication waits for an engine that is away, before `emit` rejects with `UNAVAILABLE`.
   * What waits is bounded by `roomLimits.pendingBytes`, too. Only in rooms with history. Default 0: it rejects at once.
   */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(max32)
  holdMs?: number;

  /**
   * What publications have to survive: `process`, nothing beyond this process; `memory`, the end of all nodes; `disk`,
   * a power cut of the engine as well. An engine that offers less stops the boot. Default `process`.
   */
  @IsOptional()
  @IsIn(['process', 'memory', 'disk'])
  durability?: 'process' | 'memory' | 'disk';
}

/** What is wrong with a policy that is no option of the module, which are checked together. */
export function problemsOf(policy: object): string[] {
  const errors = validateSync(plainToInstance(RoomPolicyOptions, policy), {
    whitelist: true,
    forbidNonWhitelisted: true,
  });
  const describe = ({ constraints, children }: ValidationError): string[] => [
    ...Object.values(constraints ?? {}),
    ...(children ?? []).flatMap(describe),
  ];
  return errors.flatMap(describe);
}

/**
 * Limits of rooms.
 *
 * @publicApi
 */
export class RoomLimitOptions {
  /** Rooms of one connection. Default 100. Above it: `TOO_MANY_ROOMS`. Infinity: no limit. */
  @IsOptional()
  @IsLimit(1)
  perConnection?: number;

  /** Rooms on this node that have members. Default 100,000. Above it: `UNAVAILABLE`. */
  @IsOptional()
  @IsInt()
  @Min(1)
  perNode?: number;

  /** Characters of a name, at most 256. Default 128. Above it: `INVALID_ROOM`. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(256)
  nameLength?: number;

  /**
   * Characters of which names consist, beside the slashes between segments: what stands between the brackets of a
   * regular expression. Default `'A-Za-z0-9_.:@!~,;=+$-'`. Any other: `INVALID_ROOM`. Never allowed: slashes of its
   * own, spaces, line breaks and `% ? # * \ "`.
   */
  @IsOptional()
  @IsString()
  nameCharacters?: string;

  /**
   * Joins that one client may ask for in a second. Default 100. A client that reconnects joins all its rooms at once.
   * Above it: `RATE_LIMITED`. Infinity: no limit.
   */
  @IsOptional()
  @IsLimit(1)
  joinsPerSecond?: number;

  /**
   * Bytes of one publication as JSON. Default 65,536. `outbox.highWaterBytes` is the most, and the default where it is
   * less. Above it `emit` throws `PUBLICATION_TOO_LARGE`.
   */
  @IsOptional()
  @IsInt()
  @Min(64)
  @Max(max32)
  publicationBytes?: number;

  /** Bytes of all histories on this node. Default 268,435,456 (256 MiB). Above it `emit` rejects. */
  @IsOptional()
  @IsInt()
  @Min(1_048_576)
  historyBytes?: number;

  /**
   * Bytes of publications on this node that the engine has not confirmed. Default 16,777,216 (16 MiB). Above it `emit`
   * rejects.
   */
  @IsOptional()
  @IsInt()
  @Min(65_536)
  pendingBytes?: number;

  /**
   * Milliseconds in which a member has to read at least something, in rooms with history. Default 60,000. Then: close
   * 4508. Infinity: no limit.
   */
  @IsOptional()
  @IsLimit(1_000)
  stalledMs?: number;
}
