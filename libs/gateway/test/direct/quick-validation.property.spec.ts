import { deepStrictEqual } from 'node:assert';
import {
  type ArgumentMetadata,
  HttpException,
  ParseIntPipe,
  ValidationPipe,
  type ValidationPipeOptions,
} from '@nestjs/common';
import { Exclude, Expose, Transform, Type } from 'class-transformer';
import {
  Allow,
  ArrayMaxSize,
  Equals,
  IsArray,
  IsBoolean,
  IsDefined,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  MaxLength,
  Min,
  ValidateBy,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quicken } from '../../src/direct/quick-validation.js';

class Inner {
  @IsInt()
  a: number;
}

/** What may be said of a property: what is known there, what only looks like it, and what is not. */
const decorators: Record<string, () => PropertyDecorator> = {
  string: () => IsString(),
  int: () => IsInt(),
  min: () => Min(1),
  short: () => MaxLength(2),
  choice: () => IsIn(['a', 1, null]),
  match: () => Matches(/^a/),
  boolean: () => IsBoolean({ message: 'either $property or not $value' }),
  uuid: () => IsUUID(),
  filled: () => IsNotEmpty({ context: { why: 'because' } }),
  defined: () => IsDefined(),
  optional: () => IsOptional(),
  any: () => Allow(),
  same: () => Equals('a'),
  grouped: () => IsString({ groups: ['g'] }),
  otherGroup: () => IsInt({ groups: ['h'] }),
  always: () => IsString({ always: true }),
  each: () => IsNotEmpty({ each: true }),
  strings: () => IsString({ each: true }),
  list: () => IsArray(),
  few: () => ArrayMaxSize(1),
  guarded: () => IsInt({ validateIf: (_object, value) => value !== 'a' }),
  conditional: () => ValidateIf((object: { a?: unknown }) => object.a !== 1),
  custom: () => ValidateBy({ name: 'custom', validator: { validate: (value) => value !== 'a' } }),
  truthy: () => ValidateBy({ name: 'isString', validator: { validate: (value) => value as boolean } }),
  asynchronous: () =>
    ValidateBy({ name: 'later', async: true, validator: { validate: (value) => Promise.resolve(value === 'a') } }),
  promised: () => ValidateBy({ name: 'isInt', validator: { validate: (value) => Promise.resolve(value === 1) } }),
  nested: () =>
    both(
      ValidateNested(),
      Type(() => Inner),
    ),
  typed: () => Type(() => String),
  trimmed: () => Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value)),
  onTheWayOut: () => Transform(() => 'out', { toPlainOnly: true }),
  exposed: () => Expose({ name: 'b' }),
  excluded: () => Exclude(),
  // As TypeScript writes it down, for `enableImplicitConversion`.
  written: () => Reflect.metadata('design:type', String),
};
const names = ['a', 'b', 'c', 'list', 'prototype', 'method'];

const shared = (): string => 'b';

/** What a class may have besides. */
const traits: Record<string, (type: new () => object) => new () => object> = {
  plain: (type) => type,
  derived: (type) => class Derived extends type {},
  overriding: (type) => decorate(class Overriding extends type {}, [['a', 'int']]),
  withDefaults: (type) =>
    class WithDefaults extends type {
      a = 'a';
      list: unknown = [''];
    },
  withSet: (type) =>
    class WithSet extends type {
      list = new Set(['']);
    },
  withFunctions: (type) =>
    class WithFunctions extends type {
      b = shared;
    },
  withAccessor: (type) =>
    class WithAccessor extends type {
      get c(): string {
        return 'c';
      }
    },
  changeling: (type) =>
    class Changeling extends type {
      constructor() {
        super();
        return { a: 'a' };
      }
    },
  exposing: (type) => (Expose()(type), type),
  excluding: (type) => (Exclude()(type), type),
};

type Shape = [property: string, decorator: string][];

function decorate(type: new () => object, shape: Shape): new () => object {
  for (const [property, decorator] of shape) decorators[decorator]?.()(type.prototype as object, property);
  return type;
}

function both(one: PropertyDecorator, other: PropertyDecorator): PropertyDecorator {
  return (target, property) => {
    one(target, property);
    other(target, property);
  };
}

function build(shape: Shape, trait: string): new () => object {
  class Dto {
    method(): void {}
  }
  return traits[trait]!(decorate(Dto, shape));
}

const often: Shape = [
  ['a', 'string'],
  ['a', 'short'],
  ['b', 'int'],
  ['c', 'optional'],
  ['c', 'string'],
  ['list', 'list'],
  ['list', 'strings'],
];
const shapes = fc.oneof(
  fc.array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...Object.keys(decorators))), { maxLength: 5 }),
  // Random ones are seldom met by any data.
  fc.subarray(often),
);
const trait = fc.oneof(fc.constant('plain'), fc.constantFrom(...Object.keys(traits)));
const flag = fc.constant(true);
const options: fc.Arbitrary<ValidationPipeOptions> = fc.record(
  {
    transform: fc.boolean(),
    whitelist: flag,
    forbidNonWhitelisted: flag,
    forbidUnknownValues: flag,
    skipMissingProperties: flag,
    skipUndefinedProperties: flag,
    skipNullProperties: flag,
    stopAtFirstError: flag,
    strictGroups: flag,
    always: flag,
    groups: fc.subarray(['g', 'h']),
    dismissDefaultMessages: flag,
    disableErrorMessages: flag,
    errorFormat: fc.constant('grouped' as const),
    validationError: fc.record({ target: fc.boolean(), value: fc.boolean() }, { requiredKeys: [] }),
    exceptionFactory: fc.constant((errors: unknown) => new HttpException({ errors }, 418)),
    transformOptions: fc.constantFrom({ enableImplicitConversion: true }, { exposeDefaultValues: true }, {}),
    expectedType: fc.constant(Inner),
    validateCustomDecorators: flag,
  },
  { requiredKeys: [] },
);
const fewOptions = fc.record({ transform: fc.boolean(), whitelist: flag }, { requiredKeys: ['transform'] });

/** As they are on the wire: only there `__proto__` is a name like any other. */
const primitives = fc.constantFrom('"a"', '"ab"', '" a "', '""', '0', '1', '2.5', 'true', 'null');
const objects = fc.constantFrom(
  '{"a":1}',
  '["a"]',
  '{}',
  '[]',
  '["a",""]',
  '[1,"a",null]',
  '["a",{}]',
  '{"__proto__":{"a":1},"constructor":1}',
  '[[1]]',
);
const values = fc.oneof({ weight: 4, arbitrary: primitives }, objects);
const strange = fc.constantFrom('__proto__', 'constructor', 'prototype', 'method', 'stranger');
const keys = fc.oneof({ weight: 8, arbitrary: fc.constantFrom('a', 'b', 'c', 'list') }, strange);
const members = fc.tuple(keys, values).map(([name, value]) => `${JSON.stringify(name)}:${value}`);
const texts = fc.oneof(
  { weight: 6, arbitrary: fc.array(members, { maxLength: 4 }).map((list) => `{${list.join(',')}}`) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '{"a":"a","b":1}',
      '{"b":1,"a":"ab","c":"a"}',
      '{"a":"a","b":1,"c":null}',
      '{"a":"a","list":["a"]}',
    ),
  },
  { weight: 1, arbitrary: values },
);

const metadata: fc.Arbitrary<Pick<ArgumentMetadata, 'type' | 'data'>> = fc.constantFrom(
  { type: 'body' },
  { type: 'body', data: 'part' },
  { type: 'custom' },
);

/** What chance seldom finds. */
const corners: [Shape, string, ValidationPipeOptions, string[], Pick<ArgumentMetadata, 'type' | 'data'>][] = [
  [
    [
      ['a', 'string'],
      ['list', 'each'],
    ],
    'withDefaults',
    { transform: true },
    ['{"a":"a"}'],
    { type: 'body' },
  ],
  [
    [
      ['b', 'int'],
      ['b', 'written'],
    ],
    'plain',
    { transform: true, transformOptions: { enableImplicitConversion: true } },
    ['{"b":1}'],
    { type: 'body' },
  ],
  [
    [['a', 'string']],
    'changeling',
    { transform: true, whitelist: true, forbidNonWhitelisted: true },
    ['{"a":"a"}'],
    { type: 'body' },
  ],
  [[['a', 'defined']], 'plain', { transform: true }, ['{"a":{"__proto__":{"a":1},"constructor":1}}'], { type: 'body' }],
  [[], 'plain', { transform: true, forbidUnknownValues: true }, ['{}'], { type: 'body' }],
  // A list that is passed on must not be the one that was given, nor one with items that are objects.
  [
    [['a', 'defined']],
    'plain',
    { transform: true },
    ['{"a":["a"]}', '{"a":[{"__proto__":{"a":1}}]}'],
    { type: 'body' },
  ],
  [
    [
      ['a', 'string'],
      ['list', 'each'],
    ],
    'withSet',
    { transform: true },
    ['{"a":"a"}'],
    { type: 'body' },
  ],
  [[['a', 'optional']], 'plain', { transform: true }, ['[]'], { type: 'body' }],
  // A plain copy is made by class-transformer as well, and what is stripped was looked into before.
  [
    [
      ['c', 'onTheWayOut'],
      ['c', 'string'],
    ],
    'plain',
    { whitelist: true },
    ['{"c":"a"}'],
    { type: 'body' },
  ],
  [
    [['c', 'optional']],
    'plain',
    { whitelist: true },
    ['{"a":{"__proto__":{"a":1},"constructor":1}}', '{"__proto__":"a"}'],
    { type: 'body' },
  ],
];

/** Which parts of the data are passed on as they are, and not as copies. */
function sharedWith(given: unknown, value: unknown): string[] {
  if (typeof given !== 'object' || given === null) return [];
  const parts = Object.entries(given).filter(([, part]) => typeof part === 'object' && part !== null);
  const same = parts.filter(([name, part]) => Reflect.get(Object(value) as object, name) === part);
  return [...same.map(([name]) => name), ...(value === given ? ['all'] : [])];
}

async function outcomeOf(transform: (value: unknown) => unknown, text: string): Promise<unknown> {
  const given: unknown = JSON.parse(text);
  try {
    const value = await transform(given);
    return { value, keys: Object.keys(Object(value) as object), shared: sharedWith(given, value), given };
  } catch (error) {
    return { error, response: error instanceof HttpException ? error.getResponse() : undefined, given };
  }
}

describe('quick validation', () => {
  it('gives what the ValidationPipe gives, for any class, options and data', async () => {
    await fc.assert(
      fc.asyncProperty(
        shapes,
        trait,
        fc.oneof(options, fewOptions),
        fc.array(texts, { minLength: 1, maxLength: 5 }),
        metadata,
        async (shape, traitName, pipeOptions, given, place) => {
          const pipe = new ValidationPipe(pipeOptions);
          const argument = { ...place, metatype: build(shape, traitName) };
          const quick = quicken(pipe, argument);
          for (const text of given) {
            const expected = await outcomeOf((value) => pipe.transform(value, argument), text);
            const outcome = await outcomeOf((value) => quick.transform(value, argument), text);
            // Not `toStrictEqual`, which takes an own `constructor` of the data for its class.
            deepStrictEqual(outcome, expected);
          }
        },
      ),
      { numRuns: 300, examples: corners },
    );
  });

  it('lets valid data pass without a promise, and leaves the rest to the pipe', () => {
    const argument: ArgumentMetadata = { type: 'body', metatype: Inner };
    const quick = quicken(
      new ValidationPipe({ transform: true, whitelist: true, forbidNonWhitelisted: true }),
      argument,
    );
    const passed: unknown = quick.transform({ a: 1 }, argument);
    expect(passed).toBeInstanceOf(Inner);
    expect(passed).toEqual({ a: 1 });
    return expect(quick.transform({ a: 'one' }, argument)).rejects.toBeInstanceOf(HttpException);
  });

  it('takes the place of no other pipe than the ValidationPipe as Nest made it', () => {
    class Derived extends ValidationPipe {}
    const changed = Object.assign(new ValidationPipe(), { toValidate: () => false });
    for (const pipe of [new Derived(), changed, new ParseIntPipe()]) {
      expect(quicken(pipe, { type: 'body', metatype: Inner })).toBe(pipe);
    }
  });
});
