/** Sums over all connections, as plain numbers: counting a message must cost nothing. */
export class Traffic {
  messagesIn = 0;
  messagesOut = 0;
  /** Those that handlers came to an end with while somebody could hear of it. */
  messagesHandled = 0;
  /** Those that were waiting or at work when their connection began to end. */
  messagesDropped = 0;
  bytesIn = 0;
  bytesOut = 0;
}
