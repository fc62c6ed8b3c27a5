import { inspect } from 'node:util';
import { Injectable, Logger, type Type } from '@nestjs/common';
import { ApplicationConfig, DiscoveryService, MetadataScanner } from '@nestjs/core';
import { isReserved } from '@holdfast/protocol';
import { AuthGuard, isMarkedPublic } from '../auth/index.js';
import { DirectCompiler } from '../direct/index.js';
import { ConnectionIndex } from '../connection/index.js';
import { PUBLISH_EVENT, ROOM_EVENT } from '../dispatch/index.js';
import { normalizeRoute } from '../admission/index.js';
import { HoldfastExceptionFilter } from './holdfast-exception.filter.js';
import { HoldfastError } from '../errors/index.js';
import { RAW_EVENT } from '../format/index.js';
import { unfinishedProblems } from '../intake/index.js';
import { type BoundRateLimit, sharedRuleProblems } from '../rate-limit/index.js';
import { describeGateway, guardsOf, unguardedWarning } from './boot-report.js';
import { endpointSettings, type MessageLimits } from './endpoint-settings.js';
import { watchFilter, watchFilters } from './filter-seam.js';
import { GatewayGuards } from './gateway-guards.js';
import type { GatewayInfo } from './gateway-info.js';
import { type Formats, formatProblems, subprotocolProblems } from './gateway-format.js';
import { type GatewayOptions, gatewayProblems, gatewayWarnings, readGatewayOptions } from './gateway-options.js';
import { type PlannedGateway, type PlannedMethod, planHandlers } from './handler-plans.js';
import { hasHook, watchHooks } from './hook-seam.js';
import {
  GATEWAY_METADATA,
  GUARDS_METADATA,
  MESSAGE_MAPPING_METADATA,
  MESSAGE_METADATA,
  readMetadata,
  singletonOf,
} from '../nest/index.js';
import { PortTable } from './port-table.js';
import { Route } from './route.js';

/** A gateway and what is declared on it. */
interface Found extends PlannedGateway {
  readonly options: GatewayOptions;
}

/** What the options of the module say about gateways. */
export interface ExplorerSettings {
  /** Routes begin with the global prefix of the application. */
  readonly useGlobalPrefix: boolean;
  /** Tokens can be verified. */
  readonly canAuthenticate: boolean;
  readonly messages: MessageLimits & { readonly unfinishedBytes: number | undefined };
  readonly formats: Formats;
}

/** Finds every gateway before Nest binds it, and refuses by name what cannot work together. */
@Injectable()
export class GatewayExplorer {
  readonly #logger = new Logger('Holdfast');

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly config: ApplicationConfig,
    private readonly guards: GatewayGuards,
    private readonly compiler: DirectCompiler,
    private readonly index: ConnectionIndex,
  ) {}

  /**
   * @returns the routes by port.
   * @throws HoldfastError `INVALID_GATEWAY` that names every problem.
   */
  explore(settings: ExplorerSettings): ReadonlyMap<number, PortTable> {
    const found = this.#find();
    const problems = [
      ...this.#globalProblems(found),
      ...found.flatMap((gateway) => this.#problems(gateway, settings)),
      ...found.flatMap((gateway) => sizeProblems(gateway, settings)),
    ];
    // Before handlers are compiled, which calls their filters.
    if (problems.length === 0) this.#watch(found);
    const ports = this.#routes(found, settings, problems);
    problems.push(...sharedRuleProblems(limitsOf(ports)));
    if (problems.length > 0) {
      throw new HoldfastError(
        'INVALID_GATEWAY',
        `Holdfast cannot serve these gateways:\n${problems.map((problem) => `- ${problem}`).join('\n')}`,
      );
    }
    this.#report(found, settings);
    return ports;
  }

  #find(): Found[] {
    const found: Found[] = [];
    for (const wrapper of this.discovery.getProviders()) {
      const type = wrapper.metatype;
      if (typeof type !== 'function' || wrapper.isNotMetatype || readMetadata(GATEWAY_METADATA, type) !== true)
        continue;
      // A provider that is not a factory has a class for its metatype.
      const gatewayType = type as Type;
      const known = singletonOf(wrapper);
      found.push({
        info: {
          type: gatewayType,
          wrapper,
          name: gatewayType.name,
          id: wrapper.id,
          instance: known,
          hasConnectionHook: hasHook(known, 'handleConnection'),
          hasDisconnectHook: hasHook(known, 'handleDisconnect'),
        },
        wrapper,
        options: readGatewayOptions(gatewayType),
        methods: this.#methodsOf(gatewayType),
      });
    }
    return found;
  }

  #methodsOf(type: Type): PlannedMethod[] {
    // `prototype` of a class is untyped; its methods are looked at one by one below.
    const prototype = type.prototype as object;
    return this.scanner.getAllMethodNames(prototype).flatMap((name) => {
      const callback: unknown = Reflect.get(prototype, name);
      if (typeof callback !== 'function' || readMetadata(MESSAGE_MAPPING_METADATA, callback) !== true) return [];
      return [{ name, callback, event: readMetadata(MESSAGE_METADATA, callback) }];
    });
  }

  #globalProblems(found: readonly Found[]): string[] {
    if (found.length === 0) return [];
    const skipped = [
      ...this.config.getGlobalRequestInterceptors(),
      ...this.config.getGlobalRequestPipes(),
      ...this.config.getGlobalRequestFilters(),
    ];
    for (const { metatype, name } of skipped) {
      this.#logger.warn(
        `The request-scoped global enhancer ${metatype?.name ?? String(name)} does not run on gateways: Nest skips it there`,
      );
    }
    return this.config
      .getGlobalRequestGuards()
      .map(
        ({ metatype, name, isTransient }) =>
          `The global guard ${metatype?.name ?? String(name)} is ${isTransient ? 'transient' : 'request-scoped'}, and Nest silently skips such guards on gateways, so ` +
          `every message would pass unguarded. Make it a singleton, or put @UseGuards(...) on the gateways and take it out of APP_GUARD`,
      );
  }

  #problems({ info, options, methods }: Found, { canAuthenticate }: ExplorerSettings): string[] {
    for (const warning of gatewayWarnings(info.name, options)) this.#logger.warn(warning);
    const events = methods.map(({ event }) => event);
    const problems = [
      ...gatewayProblems(info.name, options),
      ...formatProblems(info.name, options.format, events),
      ...subprotocolProblems(info.name, options.subprotocols),
    ];
    for (const { name, event } of methods) {
      if (typeof event !== 'string' || event === '') {
        problems.push(`${info.name}.${name} subscribes to ${JSON.stringify(event)}: events are non-empty strings`);
      } else if (isReserved(event) && !isOurs(event)) {
        problems.push(`${info.name}.${name} subscribes to "${event}": names beginning with "$" belong to the protocol`);
      }
    }
    if (!canAuthenticate && this.#usesAuthGuard(info, methods)) {
      problems.push(
        `${info.name} is protected by AuthGuard, but nothing can verify tokens: set auth.secret, auth.publicKey or auth.jwksUrl, or give HoldfastModule an authenticator`,
      );
    }
    return problems;
  }

  #usesAuthGuard({ type }: GatewayInfo, methods: readonly PlannedMethod[]): boolean {
    const declared = [type, ...methods.map(({ callback }) => callback)].map((target) =>
      readMetadata(GUARDS_METADATA, target),
    );
    const isGlobal = this.config.getGlobalGuards().some((guard) => guard instanceof AuthGuard);
    return isGlobal || declared.some((guards) => Array.isArray(guards) && guards.includes(AuthGuard));
  }

  #routes(found: readonly Found[], settings: ExplorerSettings, problems: string[]): ReadonlyMap<number, PortTable> {
    const prefix = settings.useGlobalPrefix ? this.config.getGlobalPrefix() : '';
    const ports = new Map<number, PortTable>();
    for (const group of groupByPlace(found).values()) {
      const [first] = group;
      if (!first) continue;
      const { port, path, maxPayload, format, subprotocols } = first.options;
      problems.push(...conflicts(group));
      try {
        const fullPath = normalizeRoute(path, prefix);
        const table = ports.get(port) ?? new PortTable(first.options);
        ports.set(port, table);
        if (table.place.host !== first.options.host || table.place.tls !== first.options.tls)
          throw new TypeError(`host and tls have to be the same for all gateways on port ${port}`);
        const wireFormat = settings.formats.of(format);
        const route = new Route({
          port,
          path: fullPath,
          gateways: group.map(({ info }) => info),
          handlers: planHandlers(group, this.config, this.compiler, `${port}${fullPath}`, wireFormat),
          settings: endpointSettings(settings.messages, maxPayload),
          format: wireFormat,
          subprotocols: Array.isArray(subprotocols) ? subprotocols.map(String) : [],
          guards: this.guards,
          connectionsOf: (key) => this.index.byKey.get(key),
        });
        table.add(fullPath, route);
      } catch (error) {
        problems.push(
          `${group.map(({ info }) => info.name).join(', ')}: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
    return ports;
  }

  #report(found: readonly Found[], { canAuthenticate, formats, useGlobalPrefix }: ExplorerSettings): void {
    const globals = this.config.getGlobalGuards();
    const prefix = useGlobalPrefix ? this.config.getGlobalPrefix() : '';
    for (const { info, options, methods } of found) {
      const guards = guardsOf(info.type, globals);
      const place = { path: normalizeRoute(options.path, prefix), port: options.port };
      this.#logger.log(describeGateway(info.name, place, formats.of(options.format)?.name, guards));
      const isGuarded = guards.length > 0 || methods.some(({ callback }) => guardsOf(callback, []).length > 0);
      if (canAuthenticate && !isGuarded && !isMarkedPublic(info.type)) this.#logger.warn(unguardedWarning(info.name));
    }
  }

  #watch(found: readonly Found[]): void {
    const globalFilters = this.config.getGlobalFilters();
    for (const filter of globalFilters) watchFilter(filter);
    const last = new HoldfastExceptionFilter(globalFilters);
    for (const { info, methods } of found) {
      watchHooks(info.type, info.instance);
      watchFilters(
        info.type,
        methods.map(({ callback }) => callback),
        last,
      );
    }
  }
}

/** Events of methods that decorators of Holdfast mark. */
function isOurs(event: string): boolean {
  return event === RAW_EVENT || event.startsWith(ROOM_EVENT) || event.startsWith(PUBLISH_EVENT);
}

function sizeProblems({ info, options: { maxPayload } }: Found, { messages }: ExplorerSettings): string[] {
  if (maxPayload === undefined) return [];
  return unfinishedProblems(messages.unfinishedBytes, maxPayload).map((problem) => `${info.name}: ${problem}`);
}

function limitsOf(ports: ReadonlyMap<number, PortTable>): BoundRateLimit[] {
  const routes = [...ports.values()].flatMap((table) => table.routes);
  return routes.flatMap(({ handlers }) => [...handlers.values()].flatMap(({ limits }) => limits));
}

function groupByPlace(found: readonly Found[]): Map<string, Found[]> {
  const groups = new Map<string, Found[]>();
  for (const gateway of found) {
    const { port, path } = gateway.options;
    const place = `${port} ${normalizeRoute(path)}`;
    groups.set(place, [...(groups.get(place) ?? []), gateway]);
  }
  return groups;
}

/** Gateways that share a path share its connections, so they must not contradict each other. */
function conflicts(group: readonly Found[]): string[] {
  const problems = twice(group);
  if (problems.length > 0) return problems;
  const owners = new Map<unknown, string>();
  for (const { info, methods } of group) {
    for (const { name, event } of methods) {
      const owner = owners.get(event);
      const here = `${info.name}.${name}`;
      if (owner)
        problems.push(
          `${owner} and ${here} both subscribe to "${String(event)}" on the same path: a message would be answered twice`,
        );
      owners.set(event, here);
    }
  }
  for (const setting of ['maxPayload', 'format', 'subprotocols'] as const)
    problems.push(...differences(group, setting));
  return problems;
}

/** One class in two modules is two gateways to Nest. */
function twice(group: readonly Found[]): string[] {
  const names = group.filter(({ info }, index) => group.findIndex((other) => other.info.type === info.type) < index);
  return names.map(
    ({ info: { name } }) =>
      `${name} is provided twice, by different modules: provide it in one of them and import that`,
  );
}

function differences(group: readonly Found[], setting: 'maxPayload' | 'format' | 'subprotocols'): string[] {
  // Lists are the same by what is in them; a format is an object of its own.
  const values = new Map(
    group.map(({ info, options: { [setting]: value } }) => [
      Array.isArray(value) ? JSON.stringify(value) : value,
      info.name,
    ]),
  );
  if (values.size < 2) return [];
  const told = [...values.keys()].map((value) =>
    value === undefined ? 'the default' : typeof value === 'string' ? value : inspect(value, { depth: 0 }),
  );
  return [`${[...values.values()].join(' and ')} share a path but set different ${setting}: ${told.join(' and ')}`];
}
