/* global document */
import { append, byId, clock, element } from './element.js';
import { logEvent } from './events.js';

const TYPING_EVERY_MS = 2_000;

/** Binds the chat card to the client, until `left` is aborted. */
export function startChat(client, { name, room, left, onProblem }) {
  const text = byId('text');
  let typedAt = 0;
  byId('messages').replaceChildren();
  byId('chat-room').textContent = `#${room} as ${name}`;

  const unread = new Unread(left);
  const talk = listen(client, { name, room, unread });
  client.on('$state', ({ to }) => {
    // What is sent here goes out before what waits in the outbox: a room has to be joined before one can speak in it.
    if (to === 'open') enter(client, { name, room, talk, onProblem });
    showOutbox(client);
  });

  text.addEventListener(
    'input',
    () => {
      // Later it would not be true any more.
      if (client.state !== 'open' || Date.now() - typedAt < TYPING_EVERY_MS) return;
      typedAt = Date.now();
      client.emit('typing');
    },
    { signal: left },
  );
  byId('say-form').addEventListener(
    'submit',
    (event) => {
      event.preventDefault();
      say(client, text.value, onProblem);
      text.value = '';
      typedAt = 0;
    },
    { signal: left },
  );
  text.focus();
}

/** Tells the others, who were told of the end of the last connection, and asks what was said before. */
async function enter(client, { name, room, talk, onProblem }) {
  try {
    const { people, recent } = await client.request('join', { room });
    logEvent(`joined #${room}, ${people} here`);
    talk.begin(recent, name);
  } catch (error) {
    onProblem(error);
  }
}

function listen(client, { name, room, unread }) {
  const typing = byId('typing');
  let typingTimer;
  const hush = () => {
    typing.textContent = '';
  };
  const people = client.room(`people/${room}`);
  people.on('joined', (who) => notice(`${who.name} joined`));
  people.on('left', (who) => notice(`${who.name} left`));
  people.on('typing', (who) => {
    typing.textContent = `${who.name} is typing …`;
    clearTimeout(typingTimer);
    typingTimer = setTimeout(hush, TYPING_EVERY_MS + 1_000);
  });

  const talk = client.room(`chat/${room}`);
  /** The offset of the first that was heard live: what was said before is asked for once. */
  let first;
  talk.on('said', (said, { offset, recovered }) => {
    hush();
    first ??= offset;
    append(byId('messages'), lineOf(said, { name, recovered }), 200);
    unread.add();
  });
  talk.on('$recovered', ({ count }) => notice(`${count} ${count === 1 ? 'message' : 'messages'} recovered`));
  talk.on('$unrecovered', ({ reason }) => notice(`What was said while you were away is not known: ${reason}`));
  return {
    begin(recent, me) {
      if (first === 0) return;
      const before = recent.filter(({ offset }) => first === undefined || offset < first);
      byId('messages').prepend(...before.map((said) => lineOf(said, { name: me, recovered: false })));
      byId('messages').scrollTop = byId('messages').scrollHeight;
      first = 0;
    },
  };
}

function lineOf(said, { name, recovered }) {
  const who = element('span', { className: 'who' }, element('b', {}, said.name), clock(said.at));
  if (recovered) who.append(' while you were away');
  return element('li', { className: said.name === name ? 'mine' : '' }, who, said.text);
}

/** How much was said while the page was not looked at, in its title. */
class Unread {
  #count = 0;
  #title = document.title;

  constructor(left) {
    document.addEventListener('visibilitychange', () => document.hidden || this.#show(0), { signal: left });
  }

  add() {
    if (document.hidden) this.#show(this.#count + 1);
  }

  #show(count) {
    this.#count = count;
    document.title = count === 0 ? this.#title : `(${count}) ${this.#title}`;
  }
}

/** A request, to know whether it was heard. However long the server is away, what somebody wrote waits. */
async function say(client, text, onProblem) {
  const answer = client.request('say', { text }, { timeoutMs: Infinity });
  showOutbox(client);
  try {
    await answer;
  } catch (error) {
    onProblem(error);
    // It was on its way when the connection ended: saying it again by itself might say it twice.
    notice(error.code === 'CONNECTION_LOST' ? `Perhaps not heard: “${text}”` : `Not heard: “${text}”`);
  }
  showOutbox(client);
}

function showOutbox({ queuedMessages: count }) {
  byId('outbox').textContent =
    count === 0 ? '' : `${count} ${count === 1 ? 'message waits' : 'messages wait'} for the connection`;
}

function notice(words) {
  append(byId('messages'), element('li', { className: 'notice' }, words), 200);
}
