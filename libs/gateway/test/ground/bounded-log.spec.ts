import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { BoundedLog } from '../../src/ground/bounded-log.js';
import { ManualClock } from '../support/manual-clock.js';

const lines: string[] = [];
let clock: ManualClock;
const write = (level: string) => (message: unknown) => {
  lines.push(`${level} ${String(message)}`);
};

beforeEach(() => {
  clock = new ManualClock();
  lines.length = 0;
  Logger.overrideLogger({ log: write('log'), error: write('error'), warn: write('warn'), debug: write('debug') });
});

afterEach(() => {
  Logger.overrideLogger(['log', 'error', 'warn', 'debug']);
});

describe('BoundedLog', () => {
  it('writes ten lines of a kind under a flood, and says later how many it kept to itself', () => {
    const log = new BoundedLog('test', clock);
    for (let count = 0; count < 1_000; count++) log.warn('flood', () => 'water');
    expect(lines).toEqual(Array.from({ length: 10 }, () => 'warn water'));
    clock.advance(9_999);
    log.warn('flood', () => 'water');
    expect(lines).toHaveLength(10);
    clock.advance(1);
    log.warn('flood', () => 'water');
    log.warn('flood', () => 'water');
    expect(lines.slice(10)).toEqual(['warn water (and 991 more like it before)', 'warn water']);
  });

  it('throws nothing when the logger does, and leaves out what cannot be written', () => {
    const fail = (): never => {
      throw new Error('the logger');
    };
    const hostile = { toString: fail };
    Logger.overrideLogger({
      log: fail,
      warn: fail,
      error: (message: unknown, ...details: unknown[]) => {
        lines.push(`error ${String(message)} ${details.map(String).join()}`);
      },
    });
    const log = new BoundedLog('test');
    log.warn('flood', () => 'water');
    log.error('fire', 'smoke', hostile);
    expect(lines).toEqual(['error smoke undefined,test']);
  });

  it('keeps kinds apart: a flood of one hides no line of another', () => {
    const log = new BoundedLog('test', clock);
    for (let count = 0; count < 100; count++) log.debug('flood', () => 'water');
    log.error('fire', 'smoke', new Error('hot'));
    expect(lines.at(-1)).toBe('error smoke');
  });

  it('goes on writing when the wall clock is set back', () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const log = new BoundedLog('test');
    for (let count = 0; count < 100; count++) log.warn('flood', () => 'water');
    vi.setSystemTime(Date.now() - 3_600_000);
    vi.advanceTimersByTime(10_000);
    log.warn('flood', () => 'water');
    expect(lines.at(-1)).toBe('warn water (and 90 more like it before)');
  });
});
