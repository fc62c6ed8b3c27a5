import { execFileSync } from 'node:child_process';

/** A key and a certificate for a day, in one text. */
export function selfSigned(): { readonly key: string; readonly cert: string } {
  const what = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=127.0.0.1'];
  const pem = execFileSync('openssl', ['req', ...what, '-keyout', '-', '-out', '-'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return { key: pem, cert: pem };
}
