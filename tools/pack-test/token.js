import { createHmac } from 'node:crypto';

/** @param {object} value */
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * @param {string} secret
 * @param {object} claims
 * @returns {string} a JWT signed with HS256 that expires in an hour
 */
export function signedToken(secret, claims) {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const content = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ ...claims, exp })}`;
  return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
}
