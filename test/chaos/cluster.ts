import { freePort } from '../support/free-port.js';
import { nginx, ProxyProcess, shippedFile } from '../support/proxy-process.js';
import type { ChaosEngine } from './engines.js';
import { Follower } from './follower.js';
import { NodeProcess } from './node-process.js';
import { HttpPublisher, SocketPublisher } from './publisher.js';
import type { ChaosRecord, FinalLog } from './records.js';

const nodeCount = 3;

interface Page {
  readonly top: { epoch: string; offset: number } | null;
  readonly page: { publications?: readonly { offset: number; data: string }[]; more?: boolean };
  readonly members: number;
}

/** Three nodes on Redis behind nginx, and clients of all of them. */
export class Cluster implements AsyncDisposable {
  readonly nodes: NodeProcess[] = [];
  readonly followers: Follower[] = [];
  readonly publishers: (SocketPublisher | HttpPublisher)[] = [];
  #disposed = false;

  private constructor(
    readonly engine: ChaosEngine,
    private readonly between: (least: number, most: number) => number,
    private readonly record: (record: ChaosRecord) => void,
  ) {}

  #proxy: ProxyProcess | undefined;
  #url = '';

  /** @param engine - which this disposes of */
  static async start(
    engine: ChaosEngine,
    between: (least: number, most: number) => number,
    record: (record: ChaosRecord) => void,
  ): Promise<Cluster> {
    const cluster = new Cluster(engine, between, record);
    try {
      for (let node = 0; node < nodeCount; node++) {
        cluster.nodes.push(new NodeProcess(await freePort(), engine.variables, record));
      }
      await Promise.all(cluster.nodes.map((node) => node.start()));
      await cluster.#startProxy();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  anyNode(): NodeProcess {
    // Safe: the index is below the length.
    return this.nodes[Math.floor(this.between(0, this.nodes.length))]!;
  }

  /** Clients, each of three of these rooms, and publishers over both ways. */
  async populate(clients: number, rooms: readonly string[]): Promise<void> {
    const url = `ws://${this.#url}/`;
    for (let index = 0; index < clients; index++) {
      const own = [0, 1, 2].map((which) => rooms[(index + which * 7) % rooms.length] ?? '');
      this.followers.push(new Follower(url, `client-${index}`, own, this.record));
    }
    for (let index = 0; index < 4; index++) {
      this.publishers.push(new SocketPublisher(url, `socket-${index}`, this.record));
      this.publishers.push(new HttpPublisher(`http://${this.#url}`, `http-${index}`, this.record));
    }
    await Promise.all(this.followers.map((follower) => follower.join()));
  }

  reloadProxy(): Promise<void> {
    // Safe: it was started before any fault.
    return this.#proxy!.reload({});
  }

  /** The log of a room, as each node would read it. */
  async logOf(room: string): Promise<FinalLog> {
    const items: { offset: number; id: string }[] = [];
    let members = 0;
    let epoch = '';
    for (const { port } of this.nodes) {
      const { top, members: own } = await pageOf(port, room, 0);
      members += own;
      epoch = top?.epoch ?? '';
    }
    for (let after = 0, more = true; more;) {
      const { page } = await pageOf(this.nodes[0]!.port, room, after);
      for (const { offset, data } of page.publications ?? []) items.push({ offset, id: data });
      after = items.at(-1)?.offset ?? 0;
      more = page.more === true;
    }
    return { type: 'log', room, epoch, items, members };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const client of [...this.followers, ...this.publishers]) client.close();
    for (const node of this.nodes) node.signal('SIGCONT');
    await Promise.all(this.nodes.map((node) => node.end('SIGKILL')));
    await this.#proxy?.[Symbol.asyncDispose]();
    await this.engine[Symbol.asyncDispose]();
  }

  async #startProxy(): Promise<void> {
    const port = await freePort();
    const [first, second, third] = this.nodes.map((node) => `server 127.0.0.1:${node.port}`);
    const upstream = shippedFile('nginx/upstream.conf')
      .replace('server holdfast-1:3000 max_fails=0;', `${first} max_fails=0; ${third} max_fails=0;`)
      .replace('server holdfast-2:3000', second ?? '');
    this.#proxy = await ProxyProcess.start(
      nginx,
      {
        'nginx.conf': shippedFile('nginx/nginx.conf'),
        'holdfast.conf': shippedFile('nginx/holdfast.conf'),
        'upstream.conf': upstream,
      },
      { 'listen 8080;': `listen 127.0.0.1:${port};` },
    );
    this.#url = `127.0.0.1:${port}`;
  }
}

async function pageOf(port: number, room: string, offset: number): Promise<Page> {
  const response = await fetch(`http://127.0.0.1:${port}/log?room=${encodeURIComponent(room)}&offset=${offset}`);
  // Safe: that is what the node answers.
  return (await response.json()) as Page;
}
