import type { BackplaneError } from '@holdfast/backplane';
import { expect, it } from 'vitest';
import { asFailure } from '../src/errors.js';
import { LinkError } from '../src/link.js';

const reply = (message: string): BackplaneError => asFailure(new LinkError('reply', true, message), 'publish');

it.each([
  ["OOM command not allowed when used memory > 'maxmemory'. script: f0a1, on @user_script:5.", 'FULL'],
  // Redis 6.2
  ['ERR Error running script (call to f_f0a1): @user_script:5: @user_script: 5: -OOM command not allowed.', 'FULL'],
  ["READONLY You can't write against a read only replica.", 'READ_ONLY'],
  ['LOADING Redis is loading the dataset in memory', 'AWAY'],
  ['TRYAGAIN Multiple keys request during rehashing of slot', 'MOVING'],
  ['WRONGPASS invalid username-password pair or user is disabled.', 'MISCONFIGURED'],
])('%s: nothing was done', (message, code) => {
  expect(reply(message)).toMatchObject({ code, outcome: 'none', stage: 'publish' });
});

it('of any other error nobody knows what was done', () => {
  expect(reply('WRONGTYPE Operation against a key holding the wrong kind of value')).toMatchObject({
    code: 'MISCONFIGURED',
    outcome: 'unknown',
  });
  expect(reply("ERR unknown command 'FOO', with args beginning with: 'OOM'")).toMatchObject({ outcome: 'unknown' });
});

it('a connection that was lost says whether the command may have arrived', () => {
  expect(asFailure(new LinkError('away', true, ''), 'read')).toMatchObject({ code: 'AWAY', outcome: 'unknown' });
  expect(asFailure(new LinkError('late', false, ''), 'read')).toMatchObject({ code: 'TIMEOUT', outcome: 'none' });
});
