import { byId } from './element.js';
import { logEvent } from './events.js';

/**
 * Follows the numbers that the nodes of a demo count in turns, and says in red when one is missing or comes twice.
 * `onNode` is called with the name of the node after each connect. Shows nothing where the service does not count.
 */
export function startCounter(client, onNode) {
  const tile = byId('counter');
  tile.hidden = true;
  client.onWelcome(async () => {
    const { node } = await client.request('node');
    onNode(node);
    logEvent(`connected to node ${node}`);
  });

  const miscounts = new Miscounts();
  let last;
  let recovered = 0;
  const counter = client.room('counter');
  counter.on('count', ({ number, node }, meta) => {
    if (last !== undefined && number !== last + 1) miscounts.add(differenceOf(last, number));
    last = number;
    if (meta.recovered) recovered++;
    byId('count').textContent = number;
    const whole = miscounts.count === 0 ? 'none missing, ' : '';
    byId('counted-by').textContent = `from node ${node}: ${whole}${recovered} after a reconnect`;
    tile.hidden = false;
  });
  counter.on('$unrecovered', ({ reason }) => {
    miscounts.add(`numbers are missing, and the server does not know which (${reason})`);
    last = undefined;
  });
  counter.on('$undone', ({ count }) => {
    miscounts.add(`the server has lost ${count} of these numbers`);
    if (last !== undefined) last -= count;
  });
  // Only in demo mode there is such a room.
  counter.join().catch(() => undefined);
}

function differenceOf(last, number) {
  if (number <= last) return `${number} came after ${last}`;
  const missing = number - last - 1;
  return missing === 1 ? `${last + 1} is missing` : `${last + 1} to ${number - 1} are missing`;
}

/** What is shown of them stays: a visitor may have looked elsewhere. */
class Miscounts {
  count = 0;

  constructor() {
    byId('miscounts').textContent = '';
  }

  add(text) {
    const earlier = this.count++;
    byId('miscounts').textContent = earlier === 0 ? text : `${text}; ${earlier} more before`;
    logEvent(`counter: ${text}`, 'bad');
  }
}
