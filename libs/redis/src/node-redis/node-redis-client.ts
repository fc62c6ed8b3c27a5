/** What is used of a client that `createClient` of node-redis has made. @publicApi */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  readonly isReady: boolean;
  readonly options?: { readonly socket?: object } | undefined;
  duplicate(overrides?: object): NodeRedisClient;
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: string, listener: (error: Error) => void): unknown;
  sendCommand(args: (string | Buffer)[], options?: object): Promise<unknown>;
  subscribe(channels: string[], listener: NodeRedisMessageListener, bufferMode: true): Promise<void>;
  unsubscribe(channels: string[], listener: NodeRedisMessageListener, bufferMode: true): Promise<void>;
  sSubscribe(channels: string[], listener: NodeRedisMessageListener, bufferMode: true): Promise<void>;
  sUnsubscribe(channels: string[], listener: NodeRedisMessageListener, bufferMode: true): Promise<void>;
}

/** @publicApi */
export type NodeRedisMessageListener = (message: Buffer, channel: Buffer) => void;

/** Where the connections of a link lead. */
export interface NodeRedisServer {
  /** A client to duplicate, and what of its address is different. Asked before each attempt to connect. */
  locate(): Promise<{ readonly client: NodeRedisClient; readonly socket?: object }>;
  /** Throws if a client that is connected has reached another server than it should. */
  check(client: NodeRedisClient): Promise<void>;
  /** `switched` is called when another server takes over, though the connections may not be lost. */
  watch(switched: () => void): void;
  close(): void;
}

/** The server that the application's client leads to. */
export function fixedServer(client: NodeRedisClient, socket: object = {}): NodeRedisServer {
  return {
    locate: () => Promise.resolve({ client, socket }),
    check: () => Promise.resolve(),
    watch: () => undefined,
    close: () => undefined,
  };
}
