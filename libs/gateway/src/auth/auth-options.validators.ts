import { Transform, Type } from 'class-transformer';
import { buildMessage, IsInt, Min, ValidateBy } from 'class-validator';
import { createPublicKey } from 'node:crypto';
import { types } from 'node:util';

/** RFC 7518 section 3.2: an HMAC key at least as long as the hash of HS256. */
const minSecretLength = 32;

// None of these messages prints the value: an option's value may be a secret.

/** A string of at least 32 characters or a Uint8Array of at least 32 bytes. */
export function IsSecret(): PropertyDecorator {
  return rule(
    'isSecret',
    (value) => (typeof value === 'string' || value instanceof Uint8Array) && value.length >= minSecretLength,
    `$property must be a string of at least ${minSecretLength} characters or a Uint8Array of at least ${minSecretLength} bytes`,
  );
}

/** A PEM of label PUBLIC KEY, or a public KeyObject or CryptoKey. */
export function IsPublicKey(): PropertyDecorator {
  return rule(
    'isPublicKey',
    isPublicKey,
    '$property must be a PEM that begins with -----BEGIN PUBLIC KEY----- (SPKI), or a KeyObject or CryptoKey of type "public"',
  );
}

/** An absolute http or https URL without credentials. */
export function IsJwksUrl(): PropertyDecorator {
  return rule('isJwksUrl', isHttpUrl, '$property must be an absolute https URL without user name and password');
}

/** A non-empty string, or a non-empty list of them. */
export function IsOneOrMoreStrings(): PropertyDecorator {
  return rule(
    'isOneOrMoreStrings',
    (value) => {
      const list: unknown[] = Array.isArray(value) ? value : [value];
      return list.length > 0 && list.every((item) => typeof item === 'string' && item !== '');
    },
    '$property must be a non-empty string or a non-empty list of them',
  );
}

/** Whole milliseconds, finite. */
export function IsMilliseconds(min: number): PropertyDecorator {
  const message = `$property must be a whole number of milliseconds, ${min} or more, and not Infinity`;
  return (target, property) => {
    IsInt({ message })(target, property);
    Min(min, { message })(target, property);
  };
}

/**
 * Hands a key through class-transformer unharmed. It would build a copy by `new value.constructor()`, which throws for
 * a CryptoKey and loses the content of a KeyObject; told that the target is a string it builds none.
 */
export function KeptAsGiven(): PropertyDecorator {
  return (target, property) => {
    Type(() => String)(target, property);
    Transform(({ obj, key }: { obj: Record<string, unknown>; key: string }) => obj[key])(target, property);
  };
}

function rule(name: string, validate: (value: unknown) => boolean, message: string): PropertyDecorator {
  return ValidateBy({ name, validator: { validate, defaultMessage: buildMessage((each) => each + message) } });
}

function isPublicKey(value: unknown): boolean {
  if (typeof value === 'string') return isSpkiPem(value);
  return (types.isKeyObject(value) || types.isCryptoKey(value)) && value.type === 'public';
}

function isSpkiPem(pem: string): boolean {
  // createPublicKey would also derive a public key from a private one, which has no business in this option.
  if (!pem.trimStart().startsWith('-----BEGIN PUBLIC KEY-----')) return false;
  try {
    createPublicKey(pem);
    return true;
  } catch {
    return false;
  }
}

function isHttpUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const url = new URL(value);
  return ['http:', 'https:'].includes(url.protocol) && url.username === '' && url.password === '';
}
