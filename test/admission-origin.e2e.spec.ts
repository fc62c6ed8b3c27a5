import { WebSocketGateway } from '@nestjs/websockets';
import type { AdmissionOptions, HoldfastOptions } from '@holdfast/gateway';
import { type HoldfastTestApp, TestClient } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countersOf, create, granted, refused, refusalOf, start } from './support/admission.js';

@WebSocketGateway({ path: '/chat' })
class ChatGateway {}

function startWith(admission: AdmissionOptions): Promise<HoldfastTestApp> {
  return start({ gateways: [ChatGateway], options: { admission } });
}

async function isAdmitted(app: HoldfastTestApp, headers: Record<string, string | undefined>): Promise<boolean> {
  const before = countersOf(app).get('refused', 'ORIGIN_FORBIDDEN');
  try {
    const { socket } = await granted(app.url('/chat'), { headers });
    socket.destroy();
    return true;
  } catch {
    expect(await refused(app.url('/chat'), { headers })).toMatchObject({ status: 403, code: 'ORIGIN_FORBIDDEN' });
    expect(countersOf(app).get('refused', 'ORIGIN_FORBIDDEN')).toBe(before + 2);
    return false;
  }
}

describe('PROTOCOL.md 2.1 step 6: same origin, by default', () => {
  let app: HoldfastTestApp;

  beforeAll(async () => {
    app = await startWith({});
  });
  afterAll(() => app.close());

  it('admits the page that the server itself has served, with its port', async () => {
    expect(await isAdmitted(app, { Origin: `http://127.0.0.1:${app.port}` })).toBe(true);
  });

  it.each([
    'http://127.0.0.1',
    'http://127.0.0.1:1',
    'https://evil.example',
    'null',
    '',
    'file://',
    'http://',
    'javascript:alert(1)',
  ])('refuses the origin "%s"', async (origin) => {
    expect(await isAdmitted(app, { Origin: origin })).toBe(false);
  });

  it('refuses another scheme on the same host and port', async () => {
    expect(await isAdmitted(app, { Origin: `https://127.0.0.1:${app.port}` })).toBe(false);
  });

  it('compares with the host the client asked for, a default port left out or not', async () => {
    expect(await isAdmitted(app, { Host: 'chat.example', Origin: 'http://chat.example' })).toBe(true);
    expect(await isAdmitted(app, { Host: 'chat.example:80', Origin: 'http://chat.example' })).toBe(true);
    expect(await isAdmitted(app, { Host: 'chat.example', Origin: 'http://chat.example:8080' })).toBe(false);
    expect(await isAdmitted(app, { Host: 'chat.example.', Origin: 'http://chat.example' })).toBe(false);
  });

  it('believes no X-Forwarded-Host of a stranger', async () => {
    const headers = {
      Origin: 'https://evil.example',
      'X-Forwarded-Host': 'evil.example',
      'X-Forwarded-Proto': 'https',
    };
    expect(await isAdmitted(app, headers)).toBe(false);
  });

  it('admits clients without Origin, which are no browsers', async () => {
    expect(await isAdmitted(app, {})).toBe(true);
  });

  it('tells a client made with ws, too', async () => {
    const answer = await refusalOf(TestClient.connect(app.url('/chat'), { origin: 'https://evil.example' }));
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'ORIGIN_FORBIDDEN' } } });
    expect(JSON.stringify(answer.body)).not.toContain('evil');
  });
});

describe('PROTOCOL.md 2.1 step 6: origins of the options', () => {
  it('a list of origins, subdomains and patterns', async () => {
    const origins = ['https://app.example', 'https://*.wild.example', /https:\/\/pr-\d+\.preview\.example/];
    await using app = await startWith({ origins });
    const admitted = ['https://app.example', 'https://a.wild.example', 'https://a.b.wild.example'];
    for (const origin of [...admitted, 'https://pr-12.preview.example', 'https://APP.example:443']) {
      expect([origin, await isAdmitted(app, { Origin: origin })]).toEqual([origin, true]);
    }
    const others = ['http://app.example', 'https://wild.example', 'https://evilwild.example', 'null'];
    const tricks = [
      'https://pr-12.preview.example.evil.example',
      'https://x.pr-1.preview.example',
      'https://app.example.',
    ];
    for (const origin of [...others, ...tricks, `http://127.0.0.1:${app.port}`]) {
      expect([origin, await isAdmitted(app, { Origin: origin })]).toEqual([origin, false]);
    }
  });

  it('no Origin is no admission where the option says so', async () => {
    await using app = await startWith({ allowMissingOrigin: false });
    expect(await isAdmitted(app, {})).toBe(false);
    expect(await isAdmitted(app, { Origin: `http://127.0.0.1:${app.port}` })).toBe(true);
  });

  it("'*' admits everybody outside production", async () => {
    await using app = await startWith({ origins: '*' });
    expect(await isAdmitted(app, { Origin: 'https://anything.example' })).toBe(true);
  });
});

describe("origins: '*' in production", () => {
  const boot = (options: HoldfastOptions): Promise<unknown> => create({ gateways: [ChatGateway], options });

  it('stops the boot', async () => {
    await expect(boot({ production: true, admission: { origins: '*' } })).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
      message: expect.stringContaining('admission.allowAnyOriginInProduction') as string,
    });
  });

  it('is accepted when it is asked for in so many words', async () => {
    const admission = { origins: '*', allowAnyOriginInProduction: true } as const;
    await using app = await start({ gateways: [ChatGateway], options: { production: true, admission } });
    expect(await isAdmitted(app, { Origin: 'https://anything.example' })).toBe(true);
  });
});
