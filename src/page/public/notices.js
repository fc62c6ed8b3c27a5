import { byId, element } from './element.js';
import { explain } from './words.js';

/** Says that a server is going away, until every connection that was told so is open again. */
export class DrainNotice {
  /** How long each of them may take, by path. */
  #seconds = new Map();

  announce(path, { reason, retryAfterMs, windowMs }) {
    this.#seconds.set(path, Math.ceil((retryAfterMs + windowMs) / 1_000));
    const words = `This server is going away (${reason}); back within ${Math.max(...this.#seconds.values())} s.`;
    byId('drain').replaceChildren(element('p', { className: 'banner warn' }, words));
  }

  arrived(path) {
    this.#seconds.delete(path);
    if (this.#seconds.size === 0) this.clear();
  }

  clear() {
    byId('drain').replaceChildren();
  }
}

/** Explains why a client has stopped, and offers the way out. The first one speaks for all that follow it. */
export function showFailure(change, { onOtherToken, onTryAgain }) {
  if (byId('failure').hasChildNodes()) return;
  const { title, text, remedy, needsToken } = explain(change);
  const button = element('button', { type: 'button' }, needsToken ? 'Enter another name or token' : 'Try again');
  button.addEventListener('click', needsToken ? onOtherToken : onTryAgain);
  const said = element('div', {}, element('b', {}, title), element('p', {}, text), element('p', {}, remedy));
  byId('failure').replaceChildren(element('div', { className: 'banner bad' }, said, button));
}

export function hideFailure() {
  byId('failure').replaceChildren();
}
