import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { launchChromium } from './support/chromium.js';
import { join as joinAs, openPage, tileOf } from './support/page.js';
import { proxyMissing } from './support/proxy-process.js';
import { redisMissing } from './support/redis-server.js';
import { chromiumMissing, requires } from './support/requirement.js';
import { ScriptProcess } from './support/script-process.js';

const root = join(import.meta.dirname, '..');
const describeWhere = requires(
  'nginx, redis-server and Chromium',
  () => proxyMissing('nginx') ?? redisMissing() ?? chromiumMissing(),
);

/** Give it a path to make the picture of the documentation anew: CLUSTER_SCREENSHOT=docs/images/cluster.png. */
const screenshotPath = process.env['CLUSTER_SCREENSHOT'];

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

/** Where the command under test puts what is temporary. */
let temporary: string;
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'holdfast-test-cluster-'));
  return () => {
    rmSync(temporary, { recursive: true, force: true });
  };
});

/** @param command - default: as a user types it */
function startCluster(
  [program, ...args]: readonly [string, ...string[]] = ['npm', 'run', '--silent', 'cluster'],
  variables: NodeJS.ProcessEnv = {},
): ScriptProcess {
  const env = { ...process.env, TMPDIR: temporary, ...variables };
  const child = spawn(program, args, { cwd: root, env, stdio: ['pipe', 'pipe', 'pipe'] });
  return new ScriptProcess(child, 'npm run cluster');
}

/** Process ids of the two nodes, Redis and nginx. */
async function processesOf(cluster: ScriptProcess): Promise<number[]> {
  cluster.write('status');
  await cluster.line('> status');
  const pids: number[] = [];
  for (const part of ['Node 1:', 'Node 2:', 'redis-server:', 'nginx:']) {
    pids.push(Number(/process (\d+)/.exec(await cluster.line(part))?.[1]));
  }
  return pids;
}

/** Of the process groups that these lead, with the workers of nginx. One that only waits to be collected has ended. */
function running(leaders: readonly number[]): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    let stat: string;
    try {
      stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    } catch {
      return [];
    }
    const [, name = '', state, , group] = /^\d+ \((.*)\) (\w) (\d+) (\d+)/.exec(stat) ?? [];
    return state !== 'Z' && leaders.includes(Number(group)) ? [name] : [];
  });
}

describeWhere('npm run cluster', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
  });

  it('shows a page that misses nothing while nodes are killed, drained and paused, and leaves nothing behind', async () => {
    await using cluster = startCluster();
    const origin = (await cluster.line('Open ')).split(' ')[0] ?? '';
    const pids = new Set(await processesOf(cluster));
    const visitor = await Visitor.open(browser, origin);

    const first = await visitor.node();
    cluster.write(`kill ${first}`);
    await cluster.line(`Node ${first} was ended by SIGKILL`);
    const second = await visitor.moved(first);
    await visitor.countsOn();

    cluster.write(`start ${first}`);
    await cluster.line(`Node ${first} is up`);
    cluster.write(`drain ${second}`);
    expect(await cluster.line(`Node ${second}: Drained 1 connections`)).toContain('1 moved, 0 closed, 0 cut');
    await cluster.line(`Node ${second} ended with exit code 0`);
    expect(await visitor.moved(second)).toBe(first);
    await visitor.countsOn();
    if (screenshotPath) await visitor.page.screenshot({ path: screenshotPath, animations: 'disabled' });

    cluster.write(`start ${second}`);
    await cluster.line(`Node ${second} is up`);
    cluster.write('reload');
    await cluster.line('nginx reloads');
    cluster.write(`pause ${first}`);
    await cluster.line(`Node ${first} is paused`);
    await visitor.page.getByText('/live the server has gone silent').waitFor();
    // Which node its next attempts meet is for nginx to say, which does not see that one of them is paused.
    cluster.write(`resume ${first}`);
    await cluster.line(`Node ${first} is resumed`);
    await visitor.moved();
    await visitor.countsOn();

    const { length } = await visitor.expectNoGap();
    console.log(`The page showed ${length} numbers in a row`);
    for (const pid of await processesOf(cluster)) pids.add(pid);
    expect(running([...pids])).toEqual(expect.arrayContaining(['redis-server', 'nginx']));
    cluster.write('quit');
    await cluster.end();
    expect(cluster.exitCode).toBe(0);
    expect(cluster.printed.join('\n')).not.toContain('stderr');
    expect(running([...pids])).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('is told by its input what to do, says what it cannot do, and ends with its input', () => {
    const input = ['explode 1', 'kill', 'drain 3', 'resume 2', 'kill 1', 'kill 1'].join('\n');
    const env = { ...process.env, TMPDIR: temporary };
    const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'cluster'], {
      cwd: root,
      env,
      input,
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    const [, answers = ''] = /^> (explode 1[^]*)$/m.exec(stdout) ?? [];
    expect(answers.trim().split('\n')).toEqual([
      'explode 1',
      '"explode 1" is not a command. Type "help" for those that there are',
      '> kill',
      'Which node? Type "kill 1" or "kill 2"',
      '> drain 3',
      'Which node? Type "drain 1" or "drain 2"',
      '> resume 2',
      'Node 2 is up: "resume" is not possible now. Possible: "kill 2", "drain 2", "pause 2"',
      '> kill 1',
      'Node 1 was ended by SIGKILL',
      '> kill 1',
      'Node 1 is down: "kill" is not possible now. Possible: "start 1"',
    ]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('says of a node that nobody has asked to end what it said last, and leaves nothing when it is killed itself', async () => {
    await using cluster = startCluster([process.execPath, 'tools/cluster.js']);
    const [first = 0, ...others] = await processesOf(cluster);
    process.kill(first, 'SIGKILL');
    await cluster.line('Node 1 was ended by SIGKILL');
    await cluster.line('  [Nest]');
    cluster.write('pause 2');
    await cluster.line('Node 2 is paused');
    cluster.signal('SIGKILL');
    await vi.waitFor(() => expect([running(others), readdirSync(temporary)]).toEqual([[], []]), 10_000);
  });
});

describe('npm run cluster', () => {
  it('says which packages are missing', () => {
    const { status, stderr } = spawnSync(process.execPath, ['tools/cluster.js'], {
      cwd: root,
      env: { PATH: temporary },
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([
      1,
      // nginx is found where Debian installs it, unless that is another machine.
      expect.stringMatching(/^Not installed: redis-server.*sudo apt-get install redis-server/),
    ]);
  });
});

/** Somebody who has joined on the page, and looks at the counter. */
class Visitor {
  private constructor(readonly page: Page) {}

  static async open(browser: Browser, origin: string): Promise<Visitor> {
    const page = await openPage(browser, origin);
    // Each number that the page shows, also where several are shown before the next frame is drawn.
    await page.evaluate(`
      window.shown = [];
      new MutationObserver((changes) => {
        for (const { addedNodes } of changes) for (const { data } of addedNodes) window.shown.push(Number(data));
      }).observe(document.getElementById('count'), { childList: true });`);
    await joinAs(page, 'Ada');
    const visitor = new Visitor(page);
    await visitor.countsOn();
    return visitor;
  }

  /** The name of the node that the page says it is connected to. */
  async node(): Promise<string> {
    const text = await tileOf(this.page)
      .getByRole('status')
      .getByText(/^to node \d$/)
      .innerText();
    return text.slice(-1);
  }

  /** The node that it is connected to once that is another one than before. */
  async moved(before?: string): Promise<string> {
    await vi.waitFor(
      async () => {
        // Not for longer than a person would: the page waits up to 5 s, so that its countdown is seen.
        const tryNow = this.page.getByRole('button', { name: 'Try /live now' });
        if (await tryNow.isVisible()) await tryNow.click({ timeout: 500 }).catch(() => undefined);
        const text = await tileOf(this.page).innerText();
        expect(text).toMatch(/to node \d/);
        expect(text).not.toContain(`to node ${before}`);
      },
      { timeout: 60_000, interval: 200 },
    );
    return this.node();
  }

  /** Resolves when the page shows three more numbers. */
  async countsOn(): Promise<void> {
    const { length } = await this.#shown();
    await vi.waitFor(async () => expect((await this.#shown()).length).toBeGreaterThan(length + 3), 20_000);
  }

  async expectNoGap(): Promise<readonly number[]> {
    const shown = await this.#shown();
    expect(shown).toEqual(shown.map((_, index) => (shown[0] ?? 0) + index));
    expect(await this.page.locator('#miscounts').innerText()).toBe('');
    return shown;
  }

  #shown(): Promise<number[]> {
    return this.page.evaluate<number[]>('window.shown');
  }
}
