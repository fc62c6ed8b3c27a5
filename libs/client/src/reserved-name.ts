import type { ReservedEvent } from '@holdfast/protocol';

/** Names of reserved events, written as literals: the object with all of them is 1 % of what browsers load. */
export type ReservedName = (typeof ReservedEvent)[keyof typeof ReservedEvent];
