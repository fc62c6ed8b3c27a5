import { isIP, isIPv4 } from 'node:net';
import { ValidateBy, type ValidationOptions } from 'class-validator';

const names: readonly string[] = ['loopback', 'linklocal', 'private'];

/** Text that {@link parseProxies} makes something of that Holdfast accepts as `trustedProxies`. */
export function AreProxies(options: ValidationOptions): PropertyDecorator {
  return ValidateBy({ name: 'areProxies', validator: { validate: (value) => areProxies(String(value)) } }, options);
}

/** A count, or the list that the text is. */
export function parseProxies(text: string): number | string[] {
  return /^\d+$/.test(text) ? Number(text) : text.split(',').map((entry) => entry.trim());
}

function areProxies(text: string): boolean {
  const proxies = parseProxies(text);
  return typeof proxies === 'number'
    ? proxies <= 32
    : proxies.every((entry) => names.includes(entry) || isBlock(entry));
}

function isBlock(entry: string): boolean {
  const [address = '', prefix, ...more] = entry.split('/');
  if (isIP(address) === 0 || more.length > 0) return false;
  // A prefix of 0 would trust everybody, and every client could choose its own address.
  return prefix === undefined || (/^[1-9]\d{0,2}$/.test(prefix) && Number(prefix) <= (isIPv4(address) ? 32 : 128));
}
