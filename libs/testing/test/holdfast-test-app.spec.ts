import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import { HoldfastTestApp } from '../src/index.js';

@Controller()
class HelloController {
  @Get('hello')
  hello(): string {
    return 'hello';
  }
}

@Module({ controllers: [HelloController] })
class HelloModule {}

describe('HoldfastTestApp', () => {
  it('listens on a port of its own until it is closed', async () => {
    await using app = await HoldfastTestApp.start(() => NestFactory.create(HelloModule, { logger: false }));
    await using other = await HoldfastTestApp.start(() => NestFactory.create(HelloModule, { logger: false }));
    expect(other.port).not.toBe(app.port);
    expect(app.url('/chat')).toBe(`ws://127.0.0.1:${app.port}/chat`);
    const response = await fetch(app.httpUrl('/hello'));
    expect(await response.text()).toBe('hello');
    await Promise.all([app.close(), app.close()]);
    await expect(fetch(app.httpUrl('/hello'))).rejects.toThrow();
  });

  it('closes an application that cannot start', async () => {
    const ended: string[] = [];
    class Failing {
      onApplicationBootstrap(): void {
        throw new Error('planted');
      }

      onModuleDestroy(): void {
        ended.push('closed');
      }
    }
    const module = { module: HelloModule, providers: [Failing] };
    const start = HoldfastTestApp.start(() => NestFactory.create(module, { logger: false, abortOnError: false }));
    await expect(start).rejects.toThrow('planted');
    expect(ended).toEqual(['closed']);
  });
});
