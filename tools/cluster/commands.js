/** @import { ClusterNode } from './node.js' */

/**
 * What can be done to a node: in which states, and what it means.
 *
 * @type {Record<
 *   string,
 *   { from: ClusterNode['state'][]; run: (node: ClusterNode) => void | Promise<void>; help: string }
 * >}
 */
const nodeCommands = {
  kill: { from: ['up', 'paused'], run: (node) => node.kill(), help: 'SIGKILL: it ends at once, its connections break' },
  drain: { from: ['up'], run: (node) => node.drain(), help: 'SIGTERM: it hands its clients over, and ends' },
  pause: { from: ['up'], run: (node) => node.pause(), help: 'SIGSTOP: it keeps its connections and answers nobody' },
  resume: { from: ['paused'], run: (node) => node.resume(), help: 'SIGCONT: it goes on where it was stopped' },
  start: { from: ['down'], run: (node) => node.start(), help: 'starts a node that has ended' },
};

/** What is typed at the prompt. */
export class Commands {
  /**
   * @param {{
   *   nodes: readonly ClusterNode[];
   *   reload: () => string | undefined;
   *   status: () => string;
   *   print: (line: string) => void;
   * }} options
   */
  constructor({ nodes, reload, status, print }) {
    this.nodes = nodes;
    this.reload = reload;
    this.status = status;
    this.print = print;
  }

  /**
   * Resolves when what it does is done.
   *
   * @param {string} line
   * @returns {Promise<boolean>} whether another one may follow
   */
  async run(line) {
    const [name = '', ...args] = line.trim().toLowerCase().split(/\s+/);
    if (name === '') return true;
    if (Object.hasOwn(nodeCommands, name)) {
      await this.#runOnNode(name, args);
    } else if (args.length > 0 || !['reload', 'status', 'help', 'quit'].includes(name)) {
      this.print(`"${line.trim()}" is not a command. Type "help" for those that there are`);
    } else if (name === 'reload') {
      this.print(this.reload() ?? 'nginx reloads its configuration: connections stay in its old workers');
    } else if (name === 'status') {
      this.print(this.status());
    } else if (name === 'help') {
      this.print(help());
    }
    return name !== 'quit';
  }

  /**
   * @param {string} name
   * @param {readonly string[]} args
   */
  async #runOnNode(name, args) {
    const command = nodeCommands[name];
    const node = this.nodes.find((one) => one.name === args[0]);
    if (!command) return;
    if (!node || args.length > 1) {
      const names = this.nodes.map((one) => `"${name} ${one.name}"`).join(' or ');
      this.print(`Which node? Type ${names}`);
    } else if (!command.from.includes(node.state)) {
      const possible = Object.keys(nodeCommands).filter((other) => nodeCommands[other]?.from.includes(node.state));
      const advice = possible.map((other) => `"${other} ${node.name}"`).join(', ');
      this.print(`Node ${node.name} is ${node.state}: "${name}" is not possible now. Possible: ${advice}`);
    } else {
      await command.run(node);
    }
  }
}

export function help() {
  const rows = Object.entries(nodeCommands).map(([name, { help: text }]) => [`${name} 1`, text]);
  rows.push(
    ['reload', 'nginx reads its configuration again'],
    ['status', 'what is up, with process ids and ports'],
    ['quit', 'ends everything; so does Ctrl+C'],
  );
  return rows.map(([name = '', text]) => `  ${name.padEnd(10)}${text}`).join('\n');
}
