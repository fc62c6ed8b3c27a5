/* global AbortController */
import { createClient, rooms } from '/holdfast-client.js';
import { startChat } from './chat.js';
import { Connections } from './connections.js';
import { startCounter } from './counter.js';
import { byId, element } from './element.js';
import { logEvent, toast } from './events.js';
import { LinkTile } from './link-tile.js';
import { hideDrain, hideFailure, showDrain, showFailure } from './notices.js';
import { plug } from './plug.js';
import { reasonOf } from './words.js';

// A person wants to see the countdown; with the default of 1 s it would often be over before it is read.
const backoff = { firstMs: 5_000 };

const path = '/live';

/** All that one visitor does until leaving: one client for all gateways, and what shows it. */
export class Session {
  #client;
  #tile;
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
    const client = createClient(path, { token, backoff, WebSocket, rooms: rooms() });
    this.#client = client;
    this.#tile = new LinkTile(path, client, cut);
    this.#listen();
    startCounter(client, (node) => (this.#tile.node = node));
    startChat(client, { name, room, left: this.#left.signal, onProblem: tellProblem });
    watch(
      client,
      new Connections({
        name,
        ownId: () => client.connectionId,
        onWave: (who) => void this.#wave(who),
        onRoundTrip: (roundTrip) => (this.#tile.roundTrip = roundTrip),
      }),
    );
    client.on('notification', ({ from, text }) => {
      toast(`${from} ${text}`);
      logEvent(`notification: ${from} ${text}`, 'good');
    });
    byId('link').replaceChildren(this.#tile.element);
    client.connect();
  }

  leave() {
    this.#left.abort();
    this.#client.close();
    this.#tile.stop();
    hideDrain();
    hideFailure();
  }

  #listen() {
    const client = this.#client;
    client.on('$state', (change) => {
      if (this.#left.signal.aborted) return;
      this.#tile.show(change);
      logState(change);
      if (change.to === 'open') hideDrain();
      if (change.to === 'failed' || change.to === 'closed') this.#stopped(change);
    });
    client.on('$drain', (drain) => {
      // The client connects to another node before this one closes the connection: there is nothing to wait for.
      if (drain.handoverMs) {
        logEvent(`${path} drain: ${drain.reason}, moving to another node`, 'warn');
        return;
      }
      this.#tile.drain = drain;
      showDrain(drain);
      logEvent(
        `${path} drain: ${drain.reason}, back after ${drain.retryAfterMs} to ${drain.retryAfterMs + drain.windowMs} ms`,
        'warn',
      );
    });
    client.on('$error', tellProblem);
  }

  #stopped(change) {
    showFailure(change, {
      onOtherToken: this.#onOtherToken,
      onTryAgain: () => {
        hideFailure();
        this.#client.connect();
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

/** A room joins again by itself after a reconnect. */
function watch(client, table) {
  const dashboard = client.room('dashboard');
  dashboard.on('view', (view) => table.show(view));
  dashboard.on('$state', (state) => byId('live').classList.toggle('stale', state !== 'joined'));
  dashboard.join().catch(tellProblem);
}

function logState(change) {
  const { to, cause, nextAttemptAt } = change;
  if (to === 'open') logEvent(cause === 'handover' ? `${path} handed over` : `${path} open`, 'good');
  if (to === 'waiting') {
    const seconds = Math.max(0, nextAttemptAt - Date.now()) / 1_000;
    logEvent(`${path} ${reasonOf(change)}, next attempt in ${seconds.toFixed(1)} s`, 'warn');
  }
  if (to === 'failed' || to === 'closed') logEvent(`${path} ${reasonOf(change)}, not coming back`, 'bad');
}

function tellProblem({ code, message }) {
  logEvent(`${code}: ${message}`, 'bad');
}
