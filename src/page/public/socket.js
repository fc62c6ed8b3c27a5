/* global CustomEvent, EventTarget, WebSocket, location */

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;

/**
 * A plain client: JSON `{event, data}` over the browser's own WebSocket, and requests by `id`. It comes back when it may.
 *
 * Dispatches `state` (`{state, code?, reason?, delayMs?}`), `open`, and every event of the server under its own name
 * with the data as `detail`.
 */
export class PlainSocket extends EventTarget {
  #path;
  #getToken;
  #socket;
  #attempts = 0;
  #nextId = 1;
  #answers = new Map();

  /**
   * @param {string} path
   * @param {() => Promise<string>} getToken asked before each attempt, so that an expired token is never sent twice
   */
  constructor(path, getToken) {
    super();
    this.#path = path;
    this.#getToken = getToken;
    void this.#connect();
  }

  send(event, data) {
    this.#write({ event, data });
  }

  /** Resolves with the answer to a request, and rejects with its `$error`. */
  request(event, data) {
    return new Promise((resolve, reject) => this.#ask(event, data, { resolve, reject }));
  }

  /** Calls `next` with each value of the stream that answers a request. */
  stream(event, data, next) {
    this.#ask(event, data, { next });
  }

  #ask(event, data, answer) {
    const id = this.#nextId++;
    this.#answers.set(id, answer);
    this.#write({ event, data, id });
  }

  #write(envelope) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(envelope));
  }

  async #connect() {
    this.#tell('state', { state: 'connecting' });
    let token;
    try {
      token = await this.#getToken();
    } catch (error) {
      this.#comeBack({ code: 1006, reason: error.message });
      return;
    }
    const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${this.#path}`;
    // A browser cannot set headers: the token travels as a subprotocol, which the server never echoes.
    const socket = new WebSocket(url, ['holdfast.plain', `bearer.${token}`]);
    this.#socket = socket;
    socket.onopen = () => {
      this.#attempts = 0;
      this.#tell('state', { state: 'open' });
      this.#tell('open');
    };
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = (ended) => this.#closed(ended);
  }

  #receive({ event, id, data }) {
    const answer = this.#answers.get(id);
    if (!answer) {
      this.#tell(event, data);
      return;
    }
    if (event === '$next') answer.next?.(data);
    else {
      this.#answers.delete(id);
      if (event === '$error') answer.reject?.(data);
      else answer.resolve?.(data);
    }
  }

  #closed({ code, reason }) {
    this.#answers.clear();
    if (mayComeBack(code)) this.#comeBack({ code, reason });
    else this.#tell('state', { state: 'ended', code, reason });
  }

  #comeBack({ code, reason }) {
    // Full jitter: after a restart not all tabs of the world come back in the same moment.
    const delayMs = Math.random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts);
    this.#attempts++;
    this.#tell('state', { state: 'waiting', code, reason, delayMs });
    setTimeout(() => void this.#connect(), delayMs);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

const STAY_AWAY = [1000, 1002, 1003, 1007, 1008, 1009, 1010];

/** PROTOCOL.md, section 13. 4401 wants a fresh token, and every attempt brings one. */
function mayComeBack(code) {
  if (code < 3000) return !STAY_AWAY.includes(code);
  return code === 4401 || (code >= 4500 && code < 4600);
}
