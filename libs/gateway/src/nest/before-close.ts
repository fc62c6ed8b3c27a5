import type { HttpAdapterHost } from '@nestjs/core';

/**
 * Has `work` done before Nest closes anything: `beforeClose` of the HTTP adapter is the one hook that Nest awaits
 * before `onModuleDestroy` of anybody, so that databases are still there. Its name and that it is called are public;
 * that it is awaited is not promised, and `before-close.spec.ts` fails when it changes.
 */
export function beforeClose(host: HttpAdapterHost, work: () => Promise<unknown>): void {
  // Nest awaits what `beforeClose` returns; only the type of its base class does not say so. Nor does the type of the
  // host say that an application context, which has no server, has no adapter either.
  const adapter = host.httpAdapter as { beforeClose?: () => unknown } | null;
  if (!adapter) return;
  const original = adapter.beforeClose?.bind(adapter);
  adapter.beforeClose = async () => {
    await work();
    await original?.();
  };
}
