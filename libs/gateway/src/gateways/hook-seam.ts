import { isThenable } from '../ground/index.js';
import { copyMetadata } from '../nest/index.js';
import { bindingOfClient, type NestBinding } from './nest-binding.js';
import { type Route, routeOf } from './route.js';

type Hook = (this: unknown, ...args: unknown[]) => unknown;
type HookName = 'handleConnection' | 'handleDisconnect' | 'afterInit';

const seams: Record<HookName, (original: () => unknown, subject: unknown) => unknown> = {
  handleConnection: (original, subject) => watchConnection(original, bindingOfClient(subject)),
  handleDisconnect: (original, subject) => watchDisconnect(original, bindingOfClient(subject)),
  afterInit: (original, subject) => watchInit(original, routeOf(subject)),
};
const names: readonly HookName[] = ['handleConnection', 'handleDisconnect', 'afterInit'];
const wrapped = new WeakSet();

/**
 * Nest calls the hooks of a gateway without waiting for them, and what they throw ends the process. Here they are
 * wrapped, so that messages wait for `handleConnection`, a shutdown waits for `handleDisconnect`, the boot waits for
 * `afterInit`, and their errors come to us.
 *
 * It is the class that is wrapped, because of a request-scoped gateway there is an instance per connection.
 *
 * @param instance - undefined for a request-scoped gateway, see {@link watchOwnHooks}.
 */
export function watchHooks(type: { readonly prototype: object }, instance: object | undefined): void {
  if (instance) watchOwnHooks(instance);
  else provideScopedHooks(type.prototype);
  for (const name of names) wrap(type.prototype, name, (self) => Object.getPrototypeOf(self) === type.prototype);
}

/** A hook written as a property (`handleConnection = async () => {}`) is not on the prototype. */
export function watchOwnHooks(instance: object): void {
  for (const name of names) if (Object.hasOwn(instance, name)) wrap(instance, name, () => true);
}

/** Of a request-scoped gateway, which has no instance at boot, it cannot be told and is assumed. */
export function hasHook(instance: object | undefined, name: HookName): boolean {
  return !instance || typeof Reflect.get(instance, name) === 'function';
}

/**
 * For a request-scoped gateway Nest always acts as if it had both hooks. Where it has not, an instance that could not
 * be made is an unhandled rejection; and whether it has cannot be told from a class whose hooks are properties.
 */
function provideScopedHooks(prototype: object): void {
  for (const name of ['handleConnection', 'handleDisconnect']) {
    if (name in prototype) continue;
    Object.defineProperty(prototype, name, { value: () => undefined, configurable: true, writable: true });
  }
}

function wrap(owner: object, name: HookName, isOutermost: (self: object) => boolean): void {
  const found: unknown = Reflect.get(owner, name);
  if (typeof found !== 'function') return;
  // The same class may be a gateway of several applications of this process. What is inherited from a base class that
  // is a gateway, too, was wrapped for that one, and lets the calls of a subclass pass.
  if (wrapped.has(found) && Object.hasOwn(owner, name)) return;
  // What was read by name is called as what it is named after.
  const original = found as Hook;
  const hook: Hook = function (this, ...args) {
    const call = (): unknown => original.apply(this, args);
    // A subclass that is a gateway itself calls its base by `super`: that call is part of its own hook.
    return isOutermost(this as object) ? seams[name](call, args[0]) : call();
  };
  copyMetadata(original, hook);
  wrapped.add(hook);
  Object.defineProperty(owner, name, { value: hook, configurable: true, writable: true });
}

function watchConnection(original: () => unknown, binding: NestBinding | undefined): unknown {
  if (!binding) return original();
  return settle(
    original,
    () => {
      binding.connectHooks?.finished();
    },
    (error) => {
      // Also when nobody waits for it any more: its time was up, or its connection has ended.
      binding.hookFailed(error);
    },
  );
}

function watchDisconnect(original: () => unknown, binding: NestBinding | undefined): unknown {
  if (!binding) return original();
  const done = settle(original, undefined, (error) => {
    binding.parts.log.error('hook', 'A handleDisconnect hook failed', error);
  });
  if (done) binding.parts.disconnectHooks.add(done);
  return done;
}

function watchInit(original: () => unknown, route: Route | undefined): unknown {
  if (!route) return original();
  const init = (async () => {
    await original();
  })();
  // The boot awaits it later; until then a rejection is not unhandled.
  init.catch(() => undefined);
  route.inits.push(init);
  return undefined;
}

/** Never throws and never rejects. Undefined when the hook was synchronous. */
function settle(
  original: () => unknown,
  done: (() => void) | undefined,
  failed: (error: unknown) => void,
): Promise<void> | undefined {
  try {
    const result = original();
    if (isThenable(result)) return Promise.resolve(result).then(done, failed);
    done?.();
  } catch (error) {
    failed(error);
  }
  return undefined;
}
