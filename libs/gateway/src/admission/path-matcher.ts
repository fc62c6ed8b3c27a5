import { HoldfastError } from '../errors/index.js';

/** RFC 9112 section 3 recommends that at least 8000 octets be supported; more is nobody's honest address. */
const maxTargetChars = 8192;

/** What a route segment may hold, so that routes compare byte by byte with what clients put on the wire (RFC 3986). */
const staticSegment = /^[A-Za-z0-9._~!$&',;=@-]+$/;
const paramNamePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The path and query of a request, read without trusting a byte of it. */
export interface Target {
  /** Path as sent: not decoded, beginning with a slash. */
  readonly path: string;
  /** Query string as sent, without its question mark; empty where there is none. */
  readonly search: string;
}

/** What {@link PathMatcher.match} found. */
export interface PathMatch<T> {
  readonly value: T;
  /** The route as it was added. */
  readonly route: string;
  /** Percent-decoded `:param` segments; no prototype, so `__proto__` is an ordinary name. */
  readonly params: Record<string, string>;
}

interface Leaf<T> {
  readonly value: T;
  readonly route: string;
  readonly names: readonly string[];
}

interface Node<T> {
  readonly statics: Map<string, Node<T>>;
  param: Node<T> | undefined;
  leaf: Leaf<T> | undefined;
}

/**
 * Finds the gateway a path belongs to. A static segment wins over a `:param`; a trailing slash makes no difference;
 * static segments compare as sent, only params are percent-decoded.
 */
export class PathMatcher<T> {
  readonly #root: Node<T> = createNode();

  /**
   * Adds a route such as `/`, `/chat` or `/rooms/:room`.
   *
   * @throws HoldfastError `INVALID_GATEWAY` when it is malformed, or matches the same paths as one that is there
   *   already.
   */
  add(route: string, value: T): void {
    const names: string[] = [];
    let node = this.#root;
    for (const segment of segmentsOf(normalizeRoute(route))) {
      if (segment.startsWith(':')) {
        names.push(paramName(segment, route, names));
        node = node.param ??= createNode();
      } else {
        node = staticChild(node, segment, route);
      }
    }
    if (node.leaf) {
      throw new HoldfastError('INVALID_GATEWAY', `routes "${node.leaf.route}" and "${route}" match the same paths`);
    }
    node.leaf = { value, route, names };
  }

  /** Finds the route of a path; undefined when there is none or a param is not valid percent-encoded UTF-8. */
  match(path: string): PathMatch<T> | undefined {
    if (!path.startsWith('/')) return undefined;
    const values: string[] = [];
    const leaf = find(this.#root, segmentsOf(path), 0, values);
    if (!leaf) return undefined;
    const params = decodeParams(leaf.names, values);
    return params && { value: leaf.value, route: leaf.route, params };
  }
}

/**
 * The one spelling of a route: leading slash, no trailing slash, prefix in front.
 *
 * @param path - as written in `@WebSocketGateway({ path })`; undefined means `/`
 * @param prefix - Nest's global prefix; none by default
 */
export function normalizeRoute(path: string | undefined, prefix = ''): string {
  const parts = [prefix, path ?? ''].map((part) => part.replace(/^\/+|\/+$/g, '')).filter((part) => part !== '');
  return `/${parts.join('/')}`;
}

/**
 * Splits a request target into path and query. Accepts origin-form and absolute-form (RFC 9112 section 3.2); the
 * authority of the latter is skipped and the Host header never read, so neither can lead to another path. Never throws.
 *
 * @returns undefined for anything else, for octets no URL may hold, and above 8192 characters
 */
export function parseTarget(url: string | undefined): Target | undefined {
  if (url === undefined || url.length > maxTargetChars || !/^[\x21\x22\x24-\x7e]+$/.test(url)) return undefined;
  const originForm = url.startsWith('/') ? url : withoutAuthority(url);
  if (originForm === undefined) return undefined;
  const mark = originForm.indexOf('?');
  const path = mark === -1 ? originForm : originForm.slice(0, mark);
  return { path: path === '' ? '/' : path, search: mark === -1 ? '' : originForm.slice(mark + 1) };
}

function withoutAuthority(url: string): string | undefined {
  const authority = /^(?:https?|wss?):\/\/[^/?]+/i.exec(url);
  return authority ? url.slice(authority[0].length) : undefined;
}

function createNode<T>(): Node<T> {
  return { statics: new Map(), param: undefined, leaf: undefined };
}

function segmentsOf(path: string): string[] {
  if (path === '/') return [];
  return path.slice(1, path.endsWith('/') ? -1 : undefined).split('/');
}

function paramName(segment: string, route: string, taken: readonly string[]): string {
  const name = segment.slice(1);
  if (!paramNamePattern.test(name)) throw malformed(route, `"${segment}" is not a parameter; write ":name"`);
  if (taken.includes(name)) throw malformed(route, `":${name}" occurs twice`);
  return name;
}

function staticChild<T>(node: Node<T>, segment: string, route: string): Node<T> {
  // Clients resolve "." and ".." before they send, so such a route could never be reached.
  if (segment === '.' || segment === '..' || !staticSegment.test(segment)) {
    throw malformed(route, `segment "${segment}" is empty or has a character that is not allowed in a route`);
  }
  const known = node.statics.get(segment);
  if (known) return known;
  const created = createNode<T>();
  node.statics.set(segment, created);
  return created;
}

function malformed(route: string, why: string): HoldfastError {
  return new HoldfastError('INVALID_GATEWAY', `route "${route}" is malformed: ${why}`);
}

/** Depth first, static before param. Each node is visited once at most, so the routes bound the work, not the path. */
function find<T>(node: Node<T>, segments: readonly string[], depth: number, values: string[]): Leaf<T> | undefined {
  const segment = segments[depth];
  if (segment === undefined) return node.leaf;
  const fixed = node.statics.get(segment);
  const found = fixed && find(fixed, segments, depth + 1, values);
  if (found || !node.param || segment === '') return found;
  values.push(segment);
  const leaf = find(node.param, segments, depth + 1, values);
  if (!leaf) values.pop();
  return leaf;
}

function decodeParams(names: readonly string[], values: readonly string[]): Record<string, string> | undefined {
  // Object.create is typed any; an object without prototype is an empty record.
  const params = Object.create(null) as Record<string, string>;
  try {
    names.forEach((name, index) => {
      params[name] = decodeURIComponent(values[index] ?? '');
    });
  } catch {
    return undefined;
  }
  return params;
}
