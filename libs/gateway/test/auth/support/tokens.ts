import { SignJWT, type JWTPayload } from 'jose';

export const SECRET = 'a secret of more than thirty-two characters';

type SigningKey = Parameters<SignJWT['sign']>[0];

/** A signed token; by default HS256 with {@link SECRET}. */
export function sign(
  claims: JWTPayload,
  key: SigningKey = bytes(SECRET),
  alg = 'HS256',
  kid?: string,
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg, ...(kid !== undefined && { kid }) }).sign(key);
}

/** A token of any header with an empty or made-up signature, which no library would produce. */
export function forge(header: object, claims: object, signature = ''): string {
  return (
    [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.') + `.${signature}`
  );
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
