/* global clearInterval, setInterval */
import { element } from './element.js';
import { reasonOf } from './words.js';

const words = {
  idle: 'not connected',
  connecting: 'connecting …',
  open: 'connected',
  waiting: 'waiting',
  closed: 'closed',
  failed: 'stopped',
};

/** What one client is doing: its state and why, a countdown while it waits, and a button to wait no longer. */
export class LinkTile {
  #client;
  #state = element('b', { className: 'state' });
  #why = element('span', { className: 'why' });
  // Apart from what is announced: nobody wants to hear of every second, or of every heartbeat.
  #roundTrip = element('span', { className: 'round-trip' });
  #countdown = element('span');
  #tryNow = element('button', { type: 'button' }, 'Try now');
  #ticking;
  /** How long the server asked to be left alone after the next close. */
  #askedMs = 0;

  /** @param {Element[]} buttons of one's own, shown while the client is connected */
  constructor(path, client, ...buttons) {
    this.#client = client;
    this.#countdown.setAttribute('role', 'timer');
    this.#tryNow.setAttribute('aria-label', `Try ${path} now`);
    this.#tryNow.addEventListener('click', () => client.connect());
    const announced = element('p', {}, element('code', {}, path), ' ', this.#state, ' ', this.#why);
    announced.setAttribute('role', 'status');
    this.element = element(
      'div',
      { className: 'tile' },
      announced,
      this.#roundTrip,
      element('div', { className: 'actions while-open' }, ...buttons),
      element('div', { className: 'actions while-waiting' }, this.#countdown, this.#tryNow),
    );
    this.show({ to: client.state });
  }

  show(change) {
    const { to, nextAttemptAt, error } = change;
    this.element.dataset.state = to;
    this.#state.textContent = words[to];
    this.#why.textContent = whyOf(change);
    this.#roundTrip.textContent = '';
    clearInterval(this.#ticking);
    if (to !== 'waiting') return;
    // Before that the client would not: everybody else is to find a server that has time for them.
    const notBefore = Date.now() + (this.#askedMs || (error?.retryAfterMs ?? 0));
    this.#askedMs = 0;
    const tick = () => {
      const seconds = Math.max(0, Math.ceil((nextAttemptAt - Date.now()) / 1_000));
      this.#countdown.textContent = `next attempt in ${seconds} s`;
      this.#tryNow.disabled = Date.now() < notBefore;
    };
    tick();
    this.#ticking = setInterval(tick, 250);
  }

  /** The server is going away. */
  set drain({ retryAfterMs }) {
    this.#askedMs = retryAfterMs;
  }

  /** Which of several nodes this is. */
  set node(name) {
    if (this.#client.state === 'open') this.#why.textContent = `to node ${name}`;
  }

  set roundTrip(text) {
    if (this.#client.state === 'open') this.#roundTrip.textContent = `round trip ${text}`;
  }

  stop() {
    clearInterval(this.#ticking);
  }
}

function whyOf(change) {
  const { to, code, error, attempts } = change;
  if (to === 'open') return '';
  if (to === 'connecting') return attempts === 0 ? '' : `attempt ${attempts} to come back`;
  // The whole story is told above.
  return to === 'failed' && error ? [code, error.code].filter(Boolean).join(' ') : reasonOf(change);
}
