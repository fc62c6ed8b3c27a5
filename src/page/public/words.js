/** What became of a connection or attempt, in a few words: why there is none now. */
export function reasonOf({ from, cause, code, reason, error }) {
  const by = code === undefined ? '' : ` (${[code, reason].filter(Boolean).join(' ')})`;
  switch (cause) {
    case 'server':
      return code === 1005 ? 'it closed without a code (1005)' : `the server closed it${by}`;
    case 'network':
      return from === 'open' ? `the connection broke${by}` : `nobody answers${by}`;
    case 'silence':
      return `the server has gone silent${by}`;
    case 'timeout':
      return reason;
    case 'token':
      return `no token to be had: ${error.cause?.message ?? error.message}`;
    case 'protocol':
      return `what answers is no Holdfast server${by}`;
    case 'offline':
      return 'this machine is offline';
    case 'attempts':
      return 'too many attempts';
    default:
      return '';
  }
}

const aboutTokens = {
  UNAUTHORIZED: {
    title: 'The server refused the token',
    text: 'It is not one of this server: its signature, issuer or audience is wrong.',
  },
  TOKEN_EXPIRED: {
    title: 'The token has expired',
    text: 'It was a good one, but its time is over.',
  },
  FORBIDDEN: {
    title: 'This token is not enough',
    text: 'The server knows who you are, but you may not come in here.',
  },
  REVOKED: {
    title: 'The server has signed you out',
    text: 'It ended every session of this name.',
  },
};

/** Close codes (PROTOCOL.md 13.4) that say the same without an error before them. */
const tokenCodes = { 4401: 'UNAUTHORIZED', 4403: 'FORBIDDEN', 4410: 'REVOKED' };

/** Why a client has stopped: what happened, what to do, and whether another token would help. */
export function explain(change) {
  const { code, cause, error, attempts } = change;
  const about = aboutTokens[error?.code] ?? aboutTokens[tokenCodes[code]];
  const said = [code, error?.code].filter(Boolean).join(' ');
  if (about) {
    const details = error ? ` The server says: ${error.message}` : '';
    return {
      title: `${about.title} (${said})`,
      text: `${about.text}${details}`,
      remedy:
        'Your network is fine, and the same token would be refused again, so nothing is tried until you enter another name or token.',
      needsToken: true,
    };
  }
  if (cause === 'attempts') {
    return {
      title: `Gave up after ${attempts} attempts`,
      text: 'Nobody was there for all that time.',
      remedy: 'When your network or the server is back, try again.',
    };
  }
  return {
    title: `This connection is over${said && ` (${said})`}`,
    text: `Why: ${error?.message ?? reasonOf(change)}.`,
    remedy: 'It does not come back by itself. You may try again.',
  };
}
