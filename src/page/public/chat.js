import { append, byId, clock, element } from './element.js';
import { logEvent } from './events.js';

const TYPING_EVERY_MS = 2_000;

/** Binds the chat card to its client, until `left` is aborted. */
export function startChat(chat, { name, room, left, onProblem }) {
  const text = byId('text');
  let typedAt = 0;
  byId('messages').replaceChildren();
  byId('chat-room').textContent = `#${room} as ${name}`;

  listen(chat, name);
  chat.on('$state', ({ to }) => {
    // What is sent here goes out before what waits in the outbox: a room has to be joined before one can speak in it.
    if (to === 'open')
      chat.request('join', { room }).then(({ people }) => logEvent(`joined #${room}, ${people} here`), onProblem);
    showOutbox(chat);
  });

  text.addEventListener(
    'input',
    () => {
      // Later it would not be true any more.
      if (chat.state !== 'open' || Date.now() - typedAt < TYPING_EVERY_MS) return;
      typedAt = Date.now();
      chat.emit('typing');
    },
    { signal: left },
  );
  byId('say-form').addEventListener(
    'submit',
    (event) => {
      event.preventDefault();
      say(chat, text.value, onProblem);
      text.value = '';
      typedAt = 0;
    },
    { signal: left },
  );
  text.focus();
}

function listen(chat, name) {
  const typing = byId('typing');
  let typingTimer;
  const hush = () => {
    typing.textContent = '';
  };
  chat.on('joined', (who) => notice(`${who.name} joined`));
  chat.on('left', (who) => notice(`${who.name} left`));
  chat.on('typing', (who) => {
    if (who.name === name) return;
    typing.textContent = `${who.name} is typing …`;
    clearTimeout(typingTimer);
    typingTimer = setTimeout(hush, TYPING_EVERY_MS + 1_000);
  });
  chat.on('said', (said) => {
    hush();
    const who = element('span', { className: 'who' }, element('b', {}, said.name), clock(said.at));
    const className = said.name === name ? 'mine' : '';
    append(byId('messages'), element('li', { className }, who, said.text), 200);
  });
}

/** A request, to know whether it was heard. However long the server is away, what somebody wrote waits. */
async function say(chat, text, onProblem) {
  const answer = chat.request('say', { text }, { timeoutMs: Infinity });
  showOutbox(chat);
  try {
    await answer;
  } catch (error) {
    onProblem(error);
    // It was on its way when the connection ended: saying it again by itself might say it twice.
    notice(error.code === 'CONNECTION_LOST' ? `Perhaps not heard: “${text}”` : `Not heard: “${text}”`);
  }
  showOutbox(chat);
}

function showOutbox({ queuedMessages: count }) {
  byId('outbox').textContent =
    count === 0 ? '' : `${count} ${count === 1 ? 'message waits' : 'messages wait'} for the connection`;
}

function notice(words) {
  append(byId('messages'), element('li', { className: 'notice' }, words), 200);
}
