import { BEARER_SUBPROTOCOL_PREFIX } from '@holdfast/protocol';
import { isToken } from '../admission/index.js';
import { type MessageParser, NestFormat, RAW_EVENT, RawFormat, type WireFormat } from '../format/index.js';

/** The formats that a gateway may name. */
export type FormatName = 'holdfast' | 'nest' | 'raw';

/** Finds the format that a gateway asks for. */
export class Formats {
  readonly #nest: WireFormat;
  readonly #raw = new RawFormat();

  /** @param parse - what {@link HoldfastAdapter.setMessageParser} was given last. */
  constructor(parse: MessageParser) {
    this.#nest = new NestFormat(parse);
  }

  /** @returns undefined for the default, envelopes. */
  of(given: unknown): WireFormat | undefined {
    if (given === 'nest') return this.#nest;
    if (given === 'raw') return this.#raw;
    return isFormat(given) ? given : undefined;
  }
}

/** @returns what is wrong with the `format` of a gateway. */
export function formatProblems(gateway: string, given: unknown, events: readonly unknown[]): string[] {
  if (given !== undefined && given !== 'holdfast' && given !== 'nest' && given !== 'raw' && !isFormat(given)) {
    return [
      `${gateway} sets format ${typeof given === 'string' ? `"${given}"` : 'to what is no WireFormat'}: allowed are "holdfast", "nest", "raw" and an object with name, decode and encodeReply`,
    ];
  }
  if (given === 'raw') {
    const named = events.filter((event) => event !== RAW_EVENT).map(String);
    return named.length === 0
      ? []
      : [
          `${gateway} has the format "raw", whose frames have no event, and subscribes to ${named.join(', ')}: use @RawMessage()`,
        ];
  }
  return events.includes(RAW_EVENT)
    ? [`${gateway} has a method with @RawMessage(), which needs @WebSocketGateway({ format: 'raw' })`]
    : [];
}

const reserved = ['holdfast.', BEARER_SUBPROTOCOL_PREFIX];

/** @returns what is wrong with the `subprotocols` of a gateway. */
export function subprotocolProblems(gateway: string, given: unknown): string[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) return [`${gateway} sets subprotocols to what is no array of names`];
  const names: readonly unknown[] = given;
  const problems = names
    .filter((name) => typeof name !== 'string' || !isToken(name) || reserved.some((prefix) => name.startsWith(prefix)))
    .map(
      (name) =>
        `${gateway} offers the subprotocol ${JSON.stringify(name)}: allowed are tokens of RFC 9110 that do not begin with "holdfast." or "bearer.", such as "ocpp1.6"`,
    );
  if (new Set(names).size < names.length) problems.push(`${gateway} names a subprotocol twice: ${names.join(', ')}`);
  return problems;
}

function isFormat(value: unknown): value is WireFormat {
  if (typeof value !== 'object' || value === null) return false;
  const { name, decode, encodeReply } = value as Partial<Record<keyof WireFormat, unknown>>;
  return typeof name === 'string' && typeof decode === 'function' && typeof encodeReply === 'function';
}
