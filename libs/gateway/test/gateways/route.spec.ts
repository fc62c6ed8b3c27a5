import { describe, expect, it } from 'vitest';
import type { Connection } from '../../src/connection/connection.js';
import { Endpoint } from '../../src/gateways/endpoint.js';
import type { GatewayInfo } from '../../src/gateways/gateway-info.js';
import { Route, routeOf } from '../../src/gateways/route.js';
import { LinkKit, RecordingReceiver } from '../support/link-kit.js';
import { planOf } from '../dispatch/plans.js';

class FirstGateway {
  readonly name = 'first';
}
class SecondGateway {
  readonly name = 'second';
}

/** All that a route looks at. */
const gateway = (type: object, hooks: Partial<GatewayInfo> = {}): GatewayInfo =>
  ({ type, hasConnectionHook: false, hasDisconnectHook: false, ...hooks }) as GatewayInfo;

function routeWith(gateways: readonly GatewayInfo[], connections: ReadonlySet<Connection> = new Set()): Route {
  return new Route({
    ...{ port: 0, path: '/test', gateways, handlers: new Map(), format: undefined, subprotocols: [] },
    settings: { maxPayloadBytes: 1_024, maxFragments: 16, maxBufferedChunks: 4_096 },
    guards: { admit: () => undefined },
    connectionsOf: () => connections,
  });
}

describe('Route', () => {
  it('files connections under its gateways and under itself', () => {
    const route = routeWith([gateway(FirstGateway), gateway(SecondGateway)]);
    expect(route.keys).toEqual([FirstGateway, SecondGateway, route]);
  });

  it('is found by its endpoint, and by nothing else', () => {
    const route = routeWith([]);
    expect(routeOf(route.endpoint)).toBe(route);
    expect([{}, undefined, new Endpoint(0, '/', new Set())].map((server) => routeOf(server))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it.each([
    ['a connection hook', [gateway(FirstGateway, { hasConnectionHook: true })]],
    ['a disconnect hook', [gateway(FirstGateway), gateway(SecondGateway, { hasDisconnectHook: true })]],
  ])('tells Nest of its clients where a gateway has %s', (_, gateways) => {
    expect(routeWith(gateways).isDirect).toBe(false);
  });

  it("tells Nest of its clients where a handler needs Nest's chain", () => {
    const parts = { settings: { maxPayloadBytes: 1_024, maxFragments: 16, maxBufferedChunks: 4_096 } };
    const common = {
      port: 0,
      path: '/',
      gateways: [],
      guards: { admit: () => undefined },
      connectionsOf: () => new Set<never>(),
      format: undefined,
      subprotocols: [],
    };
    const direct = { ...planOf('say'), direct: { run: () => undefined } };
    expect(new Route({ ...parts, ...common, handlers: new Map([['say', direct]]) }).isDirect).toBe(true);
    expect(new Route({ ...parts, ...common, handlers: new Map([['say', planOf('say')]]) }).isDirect).toBe(false);
  });
});

describe('Endpoint', () => {
  it('sends an event to all its connections, and says how many took it', async () => {
    const kit = new LinkKit();
    const [first, second, third] = await Promise.all([1, 2, 3].map(() => kit.attached(() => new RecordingReceiver())));
    const connections = new Set([first, second, third].flatMap((each) => each?.link.connection ?? []));
    third?.link.close(1_000);
    expect(routeWith([], connections).endpoint.emit('news', 1)).toBe(2);
    connections.clear();
    expect(routeWith([], connections).endpoint.emit('news', 1)).toBe(0);
  });
});
