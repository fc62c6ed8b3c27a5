import { append, byId, clock, element } from './element.js';

/** Adds a line to the log of events. Tones: good, warn, bad. */
export function logEvent(text, tone = '') {
  const line = element('li', {}, element('time', {}, clock(Date.now())), element('span', {}, text));
  line.dataset.tone = tone;
  append(byId('events'), line, 200);
}

/** Shows something for a few seconds. */
export function toast(text) {
  const shown = element('p', {}, text);
  byId('toasts').append(shown);
  setTimeout(() => shown.remove(), 6_000);
}
