import {
  type ArgumentMetadata,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
  type Type,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from '@nestjs/common';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { filterOf, guards, handlers, interceptors, pipes, type Witness } from './generated-enhancers.js';

/** Enhancers by the names under which `generated-enhancers.ts` has them. */
export interface Enhancers {
  readonly guards: readonly string[];
  readonly interceptors: readonly string[];
  readonly pipes: readonly string[];
  readonly filters: readonly string[];
}

export interface Shape {
  /** Of the application. */
  readonly all: Enhancers;
  /** Of the class. */
  readonly own: Enhancers;
  readonly methods: readonly (Enhancers & {
    readonly handler: string;
    /** Without, Nest gives it client and data. */
    readonly isDecorated: boolean;
  })[];
  /** Enhancers are declared by their classes, of which Nest makes the instances. */
  readonly byClass: boolean;
}

interface Made {
  readonly guards: Type<CanActivate>[];
  readonly interceptors: Type<NestInterceptor>[];
  readonly pipes: Type<PipeTransform>[];
  readonly filters: ReturnType<typeof filterOf>[];
}

/** Classes that do what their names say, and write down what they see. */
export function make(enhancers: Enhancers, where: string, witness: Witness): Made {
  return {
    guards: enhancers.guards.map((name, index) => guardOf(name, `${where} guard ${index} ${name}`, witness)),
    interceptors: enhancers.interceptors.map((name, index) =>
      interceptorOf(name, `${where} interceptor ${index} ${name}`, witness),
    ),
    pipes: enhancers.pipes.map((name, index) => pipeOf(name, `${where} pipe ${index} ${name}`, witness)),
    filters: enhancers.filters.map((name, index) => filterOf(name, `${where} filter ${index} ${name}`, witness)),
  };
}

/** A gateway of that shape, at `/generated`, whose handlers listen to `0`, `1`, ... */
export function gatewayOf({ own, methods, byClass }: Shape, witness: Witness): Type {
  // Its methods are the generated handlers.
  // eslint-disable-next-line @typescript-eslint/no-extraneous-class
  class Generated {}
  const { prototype } = Generated;
  methods.forEach(({ handler, isDecorated, ...enhancers }, index) => {
    const name = `handle${index}`;
    const value = function (...args: unknown[]): unknown {
      witness(`handler ${index}`, handler, args.length, args[1]);
      return handlers[handler]!(args[1]);
    };
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name)!;
    if (isDecorated) {
      ConnectedSocket()(prototype, name, 0);
      MessageBody()(prototype, name, 1);
    }
    SubscribeMessage(String(index))(prototype, name, descriptor);
    for (const decorate of decoratorsOf(make(enhancers, `method ${index}`, witness), byClass)) {
      decorate(prototype, name, descriptor);
    }
  });
  for (const decorate of decoratorsOf(make(own, 'class', witness), byClass)) decorate(Generated);
  WebSocketGateway({ path: '/generated' })(Generated);
  return Generated;
}

function decoratorsOf({ guards, interceptors, pipes, filters }: Made, byClass: boolean) {
  const given = <T>(types: readonly Type<T>[]): (Type<T> | T)[] => types.map((type) => (byClass ? type : new type()));
  return [
    UseGuards(...given(guards)),
    UseInterceptors(...given(interceptors)),
    UsePipes(...given(pipes)),
    UseFilters(...given(filters)),
  ];
}

function guardOf(name: string, place: string, witness: Witness): Type<CanActivate> {
  return class implements CanActivate {
    canActivate(context: ExecutionContext) {
      // A guard is asked at the handshake as well, where everybody may come in.
      if (context.switchToWs().getPattern() === '$connect') return true;
      witness(place, 'asked', ...seen(context));
      return guards[name]!(context);
    }
  };
}

function interceptorOf(name: string, place: string, witness: Witness): Type<NestInterceptor> {
  return class implements NestInterceptor {
    intercept(context: ExecutionContext, next: CallHandler) {
      if (context.switchToWs().getPattern() === '$connect') return next.handle();
      witness(place, 'intercepts', ...seen(context));
      // Some return what they must not.
      return interceptors[name]!(context, next, place, witness) as ReturnType<NestInterceptor['intercept']>;
    }
  };
}

function pipeOf(name: string, place: string, witness: Witness): Type<PipeTransform> {
  return class implements PipeTransform {
    transform(value: unknown, { type, metatype, data }: ArgumentMetadata): unknown {
      // Nest runs the pipes of all parameters at the same time; only those of one have an order.
      if (type !== 'body') return value;
      witness(place, 'converts', value, metatype?.name, data);
      return pipes[name]!(value);
    }
  };
}

function seen(context: ExecutionContext): unknown[] {
  const ws = context.switchToWs();
  return [
    ...[context.getType(), context.getHandler().name, context.getClass().name, context.getArgs().length],
    ...[ws.getPattern(), ws.getData<unknown>()],
  ];
}
