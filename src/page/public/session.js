/* global AbortController */
import { createClient, rooms } from '/holdfast-client.js';
import { startChat } from './chat.js';
import { Connections } from './connections.js';
import { byId, element } from './element.js';
import { logEvent, toast } from './events.js';
import { LinkTile } from './link-tile.js';
import { DrainNotice, hideFailure, showFailure } from './notices.js';
import { plug } from './plug.js';
import { reasonOf } from './words.js';

// A person wants to see the countdown; with the default of 1 s it would often be over before it is read.
const backoff = { firstMs: 5_000 };

/** All that one visitor does until leaving: a client for each gateway, and what shows them. */
export class Session {
  #clients = new Map();
  #tiles = new Map();
  #drain = new DrainNotice();
  #left = new AbortController();
  #token;
  #onOtherToken;

  /**
   * @param {{ name: string, room: string, token: string | (() => Promise<string>), onOtherToken: () => void }} options
   *   `token`: one that was given, or where to get one: asked before each attempt, so that an expired one is never sent
   *   twice.
   */
  constructor({ name, room, token, onOtherToken }) {
    this.#token = token;
    this.#onOtherToken = onOtherToken;
    const { WebSocket, pull } = plug();
    const cut = element('button', { type: 'button' }, 'Cut the socket');
    cut.addEventListener('click', pull);
    const chat = this.#open('/chat', { WebSocket, rooms: rooms() }, cut);
    const dashboard = this.#open('/dashboard');
    const notifications = this.#open('/notifications', { rooms: rooms() });

    startChat(chat, { name, room, left: this.#left.signal, onProblem: tellProblem });
    const table = new Connections({
      name,
      ownIds: () => [...this.#clients.values()].map(({ connectionId }) => connectionId),
      onWave: (who) => void this.#wave(who),
      onRoundTrip: (path, roundTrip) => (this.#tiles.get(path).roundTrip = roundTrip),
    });
    watch(dashboard, table);
    notifications.on('notification', ({ from, text }) => {
      toast(`${from} ${text}`);
      logEvent(`notification: ${from} ${text}`, 'good');
    });
    byId('links').replaceChildren(...[...this.#tiles.values()].map((tile) => tile.element));
    for (const client of this.#clients.values()) client.connect();
  }

  leave() {
    this.#left.abort();
    for (const client of this.#clients.values()) client.close();
    for (const tile of this.#tiles.values()) tile.stop();
    this.#drain.clear();
    hideFailure();
  }

  #open(path, options = {}, ...buttons) {
    const client = createClient(path, { token: this.#token, backoff, ...options });
    const tile = new LinkTile(path, client, ...buttons);
    this.#clients.set(path, client);
    this.#tiles.set(path, tile);
    client.on('$state', (change) => {
      if (this.#left.signal.aborted) return;
      tile.show(change);
      logState(path, change);
      if (change.to === 'open') this.#drain.arrived(path);
      if (change.to === 'failed' || change.to === 'closed') this.#stopped(change);
    });
    client.on('$drain', (drain) => {
      tile.drain = drain;
      this.#drain.announce(path, drain);
      logEvent(
        `${path} drain: ${drain.reason}, back after ${drain.retryAfterMs} to ${drain.retryAfterMs + drain.windowMs} ms`,
        'warn',
      );
    });
    client.on('$error', tellProblem);
    return client;
  }

  #stopped(change) {
    showFailure(change, {
      onOtherToken: this.#onOtherToken,
      onTryAgain: () => {
        hideFailure();
        for (const client of this.#clients.values()) client.connect();
      },
    });
  }

  async #wave(who) {
    const token = typeof this.#token === 'string' ? this.#token : await this.#token();
    const response = await fetch(`/notifications/${encodeURIComponent(who)}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify({ text: 'waves at you' }),
    });
    const { delivered = 0 } = await response.json();
    logEvent(`POST /notifications/${who} ${response.status}, delivered to ${delivered}`);
  }
}

/** A stream ends with its connection, so each connection asks for its own. */
function watch(dashboard, table) {
  dashboard.on('$state', ({ to }) => {
    byId('live').classList.toggle('stale', to !== 'open');
    if (to !== 'open') return;
    dashboard.request('watch', undefined, { onNext: (view) => table.show(view) }).catch((error) => {
      // That the connection ended is told already.
      if (error.code !== 'CONNECTION_LOST' && error.code !== 'CLOSED') tellProblem(error);
    });
  });
}

function logState(path, change) {
  const { to, nextAttemptAt } = change;
  if (to === 'open') logEvent(`${path} open`, 'good');
  if (to === 'waiting') {
    const seconds = Math.max(0, nextAttemptAt - Date.now()) / 1_000;
    logEvent(`${path} ${reasonOf(change)}, next attempt in ${seconds.toFixed(1)} s`, 'warn');
  }
  if (to === 'failed' || to === 'closed') logEvent(`${path} ${reasonOf(change)}, not coming back`, 'bad');
}

function tellProblem({ code, message }) {
  logEvent(`${code}: ${message}`, 'bad');
}
