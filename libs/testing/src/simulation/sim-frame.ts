import type { Joined, Position, Publication } from '@holdfast/backplane';

/** A frame to a client. */
export type SimFrame =
  | { readonly kind: 'joined'; readonly room: string; readonly joined: Joined }
  | { readonly kind: 'publication'; readonly room: string; readonly publication: Publication }
  | { readonly kind: 'skipped'; readonly room: string; readonly position: Position; readonly dropped: number };

/** Position of a client, and the publication it has got there. */
export interface Place extends Position {
  readonly text?: string;
}
