import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { addresses, netnsAvailable, NetworkNamespaces } from './netns.js';
import { requires } from './requirement.js';

const describeInNamespaces = requires('network namespaces', netnsAvailable);
const fixture = (name: string) => join(import.meta.dirname, 'fixtures', name);

function namespaces(): string[] {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line.includes(`-${process.pid}-`));
}

describeInNamespaces('two hosts of the kernel', () => {
  it('lose all packets in a blackhole without either end hearing of it, and deliver them once healed', async () => {
    await using net = await NetworkNamespaces.create();
    const server = net.run('server', fixture('silence-server.js'), [addresses.server]);
    const port = Number(await server.line('listening'));
    const client = net.run('client', fixture('silence-client.js'), [`ws://${addresses.server}:${port}`]);
    await client.line('open');
    client.write('before');
    expect(await server.line('message')).toBe('before');
    while ((await server.line('pongs')) === '0');

    await net.blackhole(port);
    client.write('into the dark');
    // Some lines are from before the blackhole, so it is the standstill that counts: ten pings without an answer.
    let pongs = '';
    for (let unanswered = 0; unanswered < 10;) {
      const counted = await server.line('pongs');
      unanswered = counted === pongs ? unanswered + 1 : 0;
      pongs = counted;
    }

    await net.heal();
    expect(await server.line('message')).toBe('into the dark');
    expect(client.printed).toEqual([]);
  });

  it('leave nothing behind', async () => {
    const net = await NetworkNamespaces.create();
    const server = net.run('server', fixture('silence-server.js'), [addresses.server]);
    await server.line('listening');
    expect(namespaces()).toHaveLength(2);
    await net[Symbol.asyncDispose]();
    expect(namespaces()).toEqual([]);
    await expect(server.line('anything')).rejects.toThrow('ended');
  });

  it('say why a script failed', async () => {
    await using net = await NetworkNamespaces.create();
    const broken = net.run('client', fixture('absent.js'));
    await expect(broken.line('ready')).rejects.toThrow(/Cannot find module .*absent\.js/);
    expect(broken.exitCode).toBe(1);
  });
});
