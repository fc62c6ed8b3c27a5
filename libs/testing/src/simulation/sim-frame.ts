import type { Joined, Position, Publication } from '@holdfast/backplane';

/** What goes over the wire to a client. */
export type SimFrame =
  | { readonly kind: 'joined'; readonly room: string; readonly joined: Joined }
  | { readonly kind: 'publication'; readonly room: string; readonly publication: Publication }
  | { readonly kind: 'skipped'; readonly room: string; readonly position: Position; readonly dropped: number };

/** Where a client stands, and the publication it got there. */
export interface Place extends Position {
  readonly text?: string;
}
