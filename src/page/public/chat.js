import { append, byId, clock, element } from './element.js';

const TYPING_EVERY_MS = 2_000;

/** Binds the chat card to its socket. `onJoined` gets the answer to each `join`. */
export function startChat(socket, { name, room, onJoined, onProblem }) {
  const messages = byId('messages');
  const text = byId('text');
  let typedAt = 0;
  let typingTimer;

  const notice = (words) => append(messages, element('li', { className: 'notice' }, words), 200);
  const hush = () => {
    byId('typing').textContent = '';
  };

  byId('chat-room').textContent = `#${room} as ${name}`;
  socket.addEventListener('open', () => {
    socket.request('join', { room }).then(onJoined, onProblem);
  });
  socket.addEventListener('joined', ({ detail }) => notice(`${detail.name} joined`));
  socket.addEventListener('left', ({ detail }) => notice(`${detail.name} left`));
  socket.addEventListener('typing', ({ detail }) => {
    if (detail.name === name) return;
    byId('typing').textContent = `${detail.name} is typing …`;
    clearTimeout(typingTimer);
    typingTimer = setTimeout(hush, TYPING_EVERY_MS + 1_000);
  });
  socket.addEventListener('said', ({ detail }) => {
    hush();
    const who = element('span', { className: 'who' }, element('b', {}, detail.name), clock(detail.at));
    const className = detail.name === name ? 'mine' : '';
    append(messages, element('li', { className }, who, detail.text), 200);
  });

  text.addEventListener('input', () => {
    if (Date.now() - typedAt < TYPING_EVERY_MS) return;
    typedAt = Date.now();
    socket.send('typing');
  });
  byId('say-form').addEventListener('submit', (event) => {
    event.preventDefault();
    socket.request('say', { text: text.value }).catch(onProblem);
    text.value = '';
    typedAt = 0;
  });
  text.focus();
}
