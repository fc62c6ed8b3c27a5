import { join } from 'node:path';
import { type HoldfastTestApp, TestClient } from '@holdfast/testing';
import { expect, it } from 'vitest';
import { chatToken, connectionsOf, departuresOf, startChat } from './support/chat.js';
import { pythonWebsocketsMissing, requires, systemPython } from './support/requirement.js';
import { ScriptProcess } from './support/script-process.js';

const script = join(import.meta.dirname, 'support/python/plain_client.py');

async function connect(app: HoldfastTestApp, subject: string): Promise<ScriptProcess> {
  const client = ScriptProcess.run(script, [app.url('/chat'), await chatToken(subject)], systemPython);
  await client.line('open');
  return client;
}

const nextMessage = async (client: ScriptProcess): Promise<unknown> => JSON.parse(await client.line('message'));

const describeInPython = requires("Debian's python3-websockets", pythonWebsocketsMissing);

describeInPython('a plain client in Python (PROTOCOL 5)', () => {
  it('connects with a token, hears what is said and gets the answer to its request', async () => {
    await using app = await startChat();
    await using ada = await connect(app, 'ada');
    await using bob = await TestClient.connect(app.url('/chat'), { token: await chatToken('bob') });
    ada.write(JSON.stringify({ event: 'say', data: 'gr\u00fc\u00df dich \u{1F40D}', id: 'q1' }));
    const said = { event: 'said', data: { by: 'ada', text: 'gr\u00fc\u00df dich \u{1F40D}' } };
    expect(await nextMessage(ada)).toEqual(said);
    expect(await nextMessage(ada)).toEqual({ event: '$reply', data: 2, id: 'q1' });
    expect(await bob.next()).toEqual(said);

    bob.send({ event: 'say', data: 'hello' });
    expect(await nextMessage(ada)).toEqual({ event: 'said', data: { by: 'bob', text: 'hello' } });
  });

  it('is told what was wrong with a message, and goes on', async () => {
    await using app = await startChat();
    await using ada = await connect(app, 'ada');
    ada.write('no JSON at all');
    expect(await nextMessage(ada)).toMatchObject({ event: '$error', data: { code: 'MALFORMED_FRAME' } });
    ada.write(JSON.stringify({ event: 'say', data: 1, id: 1 }));
    expect(await nextMessage(ada)).toMatchObject({ event: 'said' });
  });

  it('is pinged, answers, and so stays as long as it likes', async () => {
    await using app = await startChat({ heartbeat: { intervalMs: 300, missedBeats: 2 } });
    await using ada = await connect(app, 'ada');
    for (let beat = 0; beat < 6; beat++) await ada.line('ping');
    const [connection] = connectionsOf(app);
    expect(connection?.rtt).toBeGreaterThanOrEqual(0);
    expect(connection?.stats.messagesIn).toBe(0);
    expect(departuresOf(app)).toEqual([]);
  });

  it('sees the close of a shutdown with code and reason', async () => {
    const app = await startChat();
    await using ada = await connect(app, 'ada');
    await app.close();
    expect(await ada.line('closed')).toBe('1012 service restart');
    await ada.end();
    expect(ada.exitCode).toBe(0);
    expect(departuresOf(app)).toMatchObject([{ name: 'SERVICE_RESTART', initiator: 'server' }]);
  });

  it('sees why it is refused: 401 without a token, 404 without a gateway', async () => {
    await using app = await startChat();
    await using stranger = ScriptProcess.run(script, [app.url('/chat')], systemPython);
    expect(await stranger.line('refused')).toBe('401');
    await using lost = ScriptProcess.run(script, [app.url('/nowhere'), await chatToken('ada')], systemPython);
    expect(await lost.line('refused')).toBe('404');
  });
});
