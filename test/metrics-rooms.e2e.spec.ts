import { expect, it } from 'vitest';
import { Measures } from './support/measures.js';
import { answerOf, presented, sessionOf, startSessions } from './support/sessions.js';

it('rooms, members, publications, deliveries, recoveries and sessions are measured', async () => {
  await using measures = new Measures();
  await using sut = await startSessions();
  const first = await sut.connect();
  await using other = await sut.connect({});
  for (const client of [first, other]) await client.request('enter', 'log/1');
  await first.request('enter', 'news');
  const joined = await answerOf(first, '$joined');
  expect(await measures.number('holdfast.rooms', {})).toBe(2);
  expect(await measures.number('holdfast.rooms.members', {})).toBe(3);
  await sut.rooms.to('log/1').emit('said', 1);
  await sut.rooms.to('news').emit('said', 1);
  expect(await measures.number('holdfast.rooms.publications', { 'holdfast.room.kind': 'log' })).toBe(1);
  expect(await measures.number('holdfast.rooms.publications', { 'holdfast.room.kind': 'ephemeral' })).toBe(1);
  await measures.until('holdfast.rooms.deliveries', {}, 3);
  first.terminate();
  await measures.until('holdfast.rooms.members', {}, 1);
  await using again = await sut.connect({ session: sessionOf(first).id, positions: [presented(joined)] });
  await again.next('said');
  expect(await measures.number('holdfast.rooms.recovered', { 'holdfast.room.kind': 'log' })).toBe(1);
  expect(await measures.number('holdfast.rooms.members', {})).toBe(3);
  await sut.rooms.to('newest/1').emit('said', 1);
  await again.request('enter', 'newest/1');
  await again.next('said');
  expect(await measures.number('holdfast.rooms.recovered', { 'holdfast.room.kind': 'latest' })).toBeUndefined();
  await again.request('exit', 'newest/1');
  await again.request('exit', 'news');
  expect(await measures.number('holdfast.rooms.members', {})).toBe(2);
  await using lost = await sut.connect({ session: 'unknown', positions: [{ room: 'log/2' }] });
  await answerOf(lost, '$left');
  expect(await measures.number('holdfast.rooms.unrecovered', { 'holdfast.room.reason': 'session' })).toBe(1);
  for (const [outcome, count] of [
    ['created', 2],
    ['resumed', 1],
    ['unknown', 1],
  ] as const) {
    expect(await measures.number('holdfast.sessions', { 'holdfast.session.outcome': outcome })).toBe(count);
  }
});
