/** What one proxy says about the hop before it; a field is undefined when it says nothing. */
export interface ForwardedElement {
  readonly for: string | undefined;
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

/** Double what Node's default limit leaves for one header in practice; keeps the work bounded when that is raised. */
const maxHeaderChars = 16_384;

/**
 * One `name=value` of RFC 7239 section 4 with its delimiter. Unquoted values may hold ":", as many proxies write them.
 */
const pairPattern = /[ \t]*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]+))[ \t]*(;|,|$)/y;
const emptyElement = /[ \t]*(?:,|$)/y;

/**
 * Reads a `Forwarded` header (RFC 7239), nearest proxy last. Never throws.
 *
 * @returns undefined when it is malformed anywhere: a quote that a client left open would otherwise swallow the
 * element a proxy appended behind it
 */
export function parseForwarded(header: string): ForwardedElement[] | undefined {
  if (header.length > maxHeaderChars) return undefined;
  const elements: ForwardedElement[] = [];
  let fields = new Map<string, string>();
  let position = 0;
  while (position < header.length) {
    const pair = matchAt(pairPattern, header, position);
    const [text, name = '', quoted, plain = '', delimiter] = pair ?? matchAt(emptyElement, header, position) ?? [];
    if (text === undefined || fields.has(name.toLowerCase())) return undefined;
    if (pair) fields.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain);
    position += text.length;
    if (delimiter === ';') continue;
    if (fields.size > 0) elements.push(toElement(fields));
    fields = new Map();
  }
  return elements;
}

function matchAt(pattern: RegExp, text: string, position: number): RegExpExecArray | null {
  pattern.lastIndex = position;
  return pattern.exec(text);
}

function toElement(fields: ReadonlyMap<string, string>): ForwardedElement {
  return { for: fields.get('for'), proto: fields.get('proto'), host: fields.get('host') };
}
