/* global document */
import { byId, element } from './element.js';
import { logEvent } from './events.js';

const TREND_LENGTH = 30;
const SVG = 'http://www.w3.org/2000/svg';

/**
 * The live table. Marks the row of `ownId()`, and calls `onRoundTrip` with its round-trip time; calls `onWave` with the
 * name of the person who is waved at.
 */
export class Connections {
  #rows = new Map();
  #isFirst = true;

  constructor({ name, ownId, onWave, onRoundTrip }) {
    this.name = name;
    this.ownId = ownId;
    this.onWave = onWave;
    this.onRoundTrip = onRoundTrip;
    byId('connections').replaceChildren();
  }

  show({ at, total, connections, counters }) {
    const present = new Set(connections.map(({ id }) => id));
    for (const [id, row] of this.#rows) if (!present.has(id)) this.#remove(id, row);
    const ownId = this.ownId();
    for (const connection of connections) this.#update(connection, at, ownId?.startsWith(connection.id) ?? false);
    this.#isFirst = false;
    showFigures({ total, connections, counters });
  }

  #update(connection, at, isOwn) {
    // Who somebody is comes with its first frame, and a row without a name is of no use to anybody.
    if (connection.who === null) return;
    let row = this.#rows.get(connection.id);
    if (!row) {
      row = new Row(connection, connection.who === this.name ? undefined : this.onWave);
      this.#rows.set(connection.id, row);
      byId('connections').append(row.element);
      if (!this.#isFirst) logEvent(`+ ${connection.id} ${connection.who}`, 'good');
    }
    row.update(connection, at, isOwn);
    if (isOwn && connection.rtt !== null) this.onRoundTrip(milliseconds(connection.rtt));
  }

  #remove(id, row) {
    this.#rows.delete(id);
    row.leave();
    logEvent(`- ${id} ${row.who}`, 'warn');
  }
}

class Row {
  #cells = {};
  #trend = [];
  #line;

  constructor({ id, who }, onWave) {
    this.who = who;
    this.#line = document.createElementNS(SVG, 'polyline');
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', '0 0 100 20');
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    svg.append(this.#line);

    const cell = (name, className = '', ...content) => (this.#cells[name] = element('td', { className }, ...content));
    this.element = element(
      'tr',
      {},
      cell('id', 'id', id),
      cell('who', '', this.who),
      cell('state', 'state'),
      cell('rooms', 'number'),
      cell('rtt', 'number'),
      cell('trend', 'trend', svg),
      cell('messages', 'number'),
      cell('age', 'number'),
      cell('actions'),
    );
    if (onWave) this.#cells.actions.append(waveButton(this.who, onWave));
  }

  update({ state, rooms, rtt, joinedAt, messagesIn, messagesOut }, at, isOwn) {
    const { id, state: stateCell, rooms: roomsCell, rtt: rttCell, messages, age } = this.#cells;
    if (isOwn && !id.querySelector('.you')) id.append(element('span', { className: 'you' }, 'you'));
    stateCell.textContent = state;
    stateCell.dataset.state = state;
    roomsCell.textContent = rooms;
    rttCell.textContent = rtt === null ? '–' : milliseconds(rtt);
    messages.textContent = `${messagesIn} / ${messagesOut}`;
    age.textContent = duration(at - joinedAt);
    if (rtt !== null) this.#plot(rtt);
  }

  leave() {
    this.element.classList.add('leaving');
    this.element.addEventListener('animationend', () => this.element.remove());
  }

  #plot(rtt) {
    if (this.#trend.at(-1) !== rtt) this.#trend.push(rtt);
    if (this.#trend.length > TREND_LENGTH) this.#trend.shift();
    const highest = Math.max(...this.#trend, 1);
    const step = 100 / Math.max(this.#trend.length - 1, 1);
    const points = this.#trend.map((value, index) => `${index * step},${19 - (value / highest) * 18}`);
    this.#line.setAttribute('points', points.join(' '));
  }
}

function waveButton(who, onWave) {
  const button = element('button', { type: 'button', title: `Notify ${who} through POST /notifications` }, 'Wave');
  button.setAttribute('aria-label', `Wave at ${who}`);
  button.addEventListener('click', () => onWave(who));
  return button;
}

function showFigures({ total, connections, counters }) {
  const sum = (name) =>
    Object.entries(counters).reduce((all, [key, value]) => (key.startsWith(`${name}:`) ? all + value : all), 0);
  const rtts = connections.map(({ rtt }) => rtt).filter((rtt) => rtt !== null);
  const median = rtts.sort((a, b) => a - b)[Math.floor(rtts.length / 2)];
  const figures = [
    ['open now', total],
    ['median round trip', median === undefined ? '–' : milliseconds(median)],
    ['recovered', sum('recovered')],
    ['refused', sum('refused')],
  ];
  byId('figures').replaceChildren(
    ...figures.map(([label, value]) => element('div', {}, element('dt', {}, label), element('dd', {}, String(value)))),
  );
}

const milliseconds = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const padded = (value) => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3_600);
  const minutes = `${Math.floor(seconds / 60) % 60}:${padded(seconds % 60)}`;
  return hours > 0 ? `${hours}:${minutes.padStart(5, '0')}` : minutes;
}
