import { Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { ReadinessService } from '../admission/index.js';
import { DrainService } from '../drain/index.js';
import { HoldfastError } from '../errors/index.js';
import { RouteTable } from '../gateways/index.js';
import { TimerWheel } from '../ground/index.js';
import { afterBootstrap, beforeClose } from '../nest/index.js';
import { DeclaredPolicies } from './declared-policies.js';
import { Features } from './features.js';
import { HoldfastAdapter } from './holdfast.adapter.js';
import { warnWithoutShutdownHooks } from './shutdown-warning.js';

/** Takes the gateway through the boot and the shutdown of the application. */
@Injectable()
export class HoldfastRuntime implements OnModuleInit, OnApplicationBootstrap {
  constructor(
    private readonly adapter: HoldfastAdapter,
    private readonly features: Features,
    private readonly policies: DeclaredPolicies,
    private readonly routes: RouteTable,
    private readonly drain: DrainService,
    private readonly readiness: ReadinessService,
    private readonly config: ApplicationConfig,
    private readonly host: HttpAdapterHost,
    private readonly modules: ModulesContainer,
    private readonly wheel: TimerWheel,
  ) {
    // Before `init()`, when Nest binds its gateways; a lifecycle hook would be too late.
    config.setIoAdapter(adapter);
  }

  onModuleInit(): void {
    const installed: unknown = this.config.getIoAdapter();
    if (installed !== this.adapter) {
      const remedy =
        installed instanceof HoldfastAdapter
          ? 'another HoldfastModule.forRoot() did the same: import it once, it is global'
          : replacedBy(installed);
      throw new HoldfastError('ADAPTER_REPLACED', `HoldfastModule installs its own WebSocket adapter, but ${remedy}`);
    }
    this.features.register();
    this.policies.register();
    beforeClose(this.host, () => this.drain.start());
    afterBootstrap(this.modules, () => {
      this.readiness.moveTo('ready');
      warnWithoutShutdownHooks(this.wheel);
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    for (const { inits } of this.routes) await Promise.all(inits);
    try {
      await this.adapter.listen();
    } catch (error) {
      // Deadlines still work: the application may yet be closed, and its hooks have only so much time.
      await this.adapter.release();
      throw error;
    }
  }
}

/** Says which line of `main.ts` to delete, and where its message parser goes. */
function replacedBy(installed: unknown): string {
  const name = installed?.constructor.name ?? 'none';
  const remedy = `${name} replaced it: delete app.useWebSocketAdapter(new ${name}(...)) in main.ts`;
  const parserOf = (adapter: WsAdapter): unknown => Reflect.get(adapter, 'messageParser');
  const parser = installed instanceof WsAdapter ? parserOf(installed) : undefined;
  if (parser === undefined || parser === parserOf(new WsAdapter())) return remedy;
  const called = typeof parser === 'function' && parser.name !== '' ? `"${parser.name}"` : 'its message parser';
  return `${remedy}, and give ${called} to app.get(HoldfastAdapter).setMessageParser(...), for gateways with format "nest"`;
}
