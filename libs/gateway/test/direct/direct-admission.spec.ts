import { type CanActivate, ForbiddenException } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { DirectAdmission } from '../../src/direct/direct-admission.js';
import type { Connection } from '../../src/connection/connection.js';

// Neither is looked at by what is under test; guards and hooks are given them as they are.
const connection = {} as Connection;
const request = {} as IncomingMessage;

class Gateway {
  readonly asked: unknown[] = [];
  onHandshake: ((...args: unknown[]) => unknown) | undefined;
}

function admission(
  gateway: Gateway,
  ...verdicts: (() => ReturnType<CanActivate['canActivate']>)[]
): () => Promise<void> | undefined {
  const guards = verdicts.map((verdict, index) => ({
    canActivate: () => {
      gateway.asked.push(index);
      return verdict();
    },
  }));
  const direct = new DirectAdmission({ instance: gateway, handler: () => undefined, guards });
  return () => direct.run(connection, request);
}

const yes = (): boolean => true;
const later = {
  'a promise': (verdict: boolean) => () => Promise.resolve(verdict),
  'an observable': (verdict: boolean) => () => of(verdict),
};

describe('DirectAdmission', () => {
  it('is done at once where nobody takes time', () => {
    const gateway = new Gateway();
    gateway.onHandshake = (...args) => gateway.asked.push(args);
    expect(admission(gateway, yes, yes)()).toBeUndefined();
    expect(gateway.asked).toEqual([0, 1, [connection, request]]);
  });

  it('refuses at once, and asks nobody after that', () => {
    const gateway = new Gateway();
    gateway.onHandshake = () => gateway.asked.push('hook');
    expect(admission(gateway, yes, () => false, yes)).toThrow(ForbiddenException);
    expect(gateway.asked).toEqual([0, 1]);
  });

  it.each(Object.entries(later))('goes on after %s in the same order', async (_what, verdict) => {
    const gateway = new Gateway();
    gateway.onHandshake = () => Promise.resolve().then(() => gateway.asked.push('hook'));
    await admission(gateway, yes, verdict(true), yes, verdict(true))();
    expect(gateway.asked).toEqual([0, 1, 2, 3, 'hook']);
  });

  it.each(Object.entries(later))('refuses after %s, and asks nobody after that', async (_what, verdict) => {
    const gateway = new Gateway();
    gateway.onHandshake = () => gateway.asked.push('hook');
    await expect(admission(gateway, verdict(false), yes)()).rejects.toThrow(ForbiddenException);
    expect(gateway.asked).toEqual([0]);
  });

  it('passes on what the hook throws, now or later', async () => {
    const gateway = new Gateway();
    const no = new Error('no');
    gateway.onHandshake = () => {
      throw no;
    };
    expect(admission(gateway, yes)).toThrow(no);
    gateway.onHandshake = () => Promise.reject(no);
    await expect(admission(gateway, yes)()).rejects.toBe(no);
  });
});
