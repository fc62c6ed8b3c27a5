import type { HoldfastTestApp } from '@holdfast/testing';
import { TestClient } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectNoCrash } from './support/dispatch.js';
import { ReadmeApplication } from './support/readme.js';
import { OutputLines } from './support/service-lines.js';

expectNoCrash();

describe('docs/rooms.md', () => {
  let application: ReadmeApplication;
  let app: HoldfastTestApp;

  beforeAll(async () => {
    application = ReadmeApplication.create();
    app = await application.start(false, 'live');
    application.moveTo(app.port);
  });
  afterAll(async () => {
    await app.close();
    application[Symbol.dispose]();
  });

  it('compiles strictly, and does what it says', async () => {
    const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true };
    expect(application.compile('live', { lib: ['ES2023'], types: ['node'], ...decorators })).toBe('');
    const lines = new OutputLines(application.path('built/live/follow-depot.js'), {});
    expect([await lines.next(), await lines.next()]).toEqual(['joining', 'joined']);
    await using sender = await TestClient.connect(app.url('/depots'));
    expect(await sender.request('watch', '7')).toMatchObject({ data: ['depot/7'] });
    expect(await sender.request('arrive', { depot: '7', parcel: 'p1' })).toMatchObject({ data: 1 });
    expect(await lines.next()).toBe('p1 1 live');
    expect(await sender.next('arrived')).toEqual({
      event: 'arrived',
      data: { parcel: 'p1' },
      room: 'depot/7',
      offset: 1,
      epoch: expect.any(String) as string,
    });
    await using other = await TestClient.connectSdk(app.url('/depots'));
    await expect(other.request('$join', { room: 'depot/100' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await app.close();
    expect(await lines.next()).toBe('joining');
    lines.stop();
  }, 120_000);
});
