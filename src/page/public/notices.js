import { byId, element } from './element.js';
import { explain } from './words.js';

/** Says that the server is going away, and how long until the client is connected again. */
export function showDrain({ reason, retryAfterMs, windowMs }) {
  const seconds = Math.ceil((retryAfterMs + windowMs) / 1_000);
  const words = `This server is going away (${reason}); back within ${seconds} s.`;
  byId('drain').replaceChildren(element('p', { className: 'banner warn' }, words));
}

export function hideDrain() {
  byId('drain').replaceChildren();
}

/** Explains why the client has stopped, and offers the way out. */
export function showFailure(change, { onOtherToken, onTryAgain }) {
  const { title, text, remedy, needsToken } = explain(change);
  const button = element('button', { type: 'button' }, needsToken ? 'Enter another name or token' : 'Try again');
  button.addEventListener('click', needsToken ? onOtherToken : onTryAgain);
  const said = element('div', {}, element('b', {}, title), element('p', {}, text), element('p', {}, remedy));
  byId('failure').replaceChildren(element('div', { className: 'banner bad' }, said, button));
}

export function hideFailure() {
  byId('failure').replaceChildren();
}
