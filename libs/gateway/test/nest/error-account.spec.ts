import { BadRequestException, HttpException, ValidationPipe } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { plainToInstance, Type } from 'class-transformer';
import { ArrayMinSize, IsInt, IsString, ValidateNested, validateSync } from 'class-validator';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { brokenRules } from '../../src/nest/broken-rules.js';
import { accountFor, labelOf } from '../../src/nest/error-account.js';
import { HoldfastException } from '../../src/errors/holdfast.exception.js';

class Leaf {
  @IsInt()
  size: number;
}

class Branch {
  @IsString()
  name: string;

  @ArrayMinSize(1)
  @ValidateNested()
  @Type(() => Leaf)
  leaves: Leaf[];
}

class Tree {
  @ValidateNested()
  @Type(() => Branch)
  branch: Branch;

  @IsInt()
  age: number;
}

const trees: unknown[] = [
  {},
  { age: 'old', branch: { name: 7, leaves: [] } },
  { age: 1, branch: { name: 'b', leaves: [{ size: 1 }, { size: 'big' }, {}] } },
  { age: 1, branch: 'none' },
];

describe('broken rules', () => {
  it.each(trees)('are told as ValidationPipe tells them: %j', async (tree) => {
    const refusal: unknown = await new ValidationPipe()
      .transform(tree, { type: 'body', metatype: Tree })
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(BadRequestException);
    const lines = (refusal as BadRequestException).getResponse() as { message: string[] };
    const errors = validateSync(plainToInstance(Tree, tree));
    expect(brokenRules(errors)).toEqual(lines.message);
    const told = accountFor(new WsException(errors)).data;
    expect(told).toEqual({ code: 'VALIDATION_FAILED', message: 'Validation failed', details: lines.message });
  });

  it('are found in errors of what class-validator does not know', () => {
    const errors = validateSync({ of: 'no class' }, { forbidUnknownValues: true });
    expect(errors).toHaveLength(1);
    expect(brokenRules(errors)).toEqual(['an unknown value was passed to the validate function']);
  });

  it.each([[undefined], [null], ['text'], [[]], [['text']], [[null]], [{ property: 'x', constraints: {} }]])(
    'are no %j',
    (value) => {
      expect(brokenRules(value)).toBeUndefined();
    },
  );
});

describe('an account', () => {
  it('is given of anything, and of what is no exception of ours says nothing', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), (thrown) => {
        expect(accountFor(thrown)).toEqual({
          data: { code: 'INTERNAL', message: 'Internal server error' },
          isFault: true,
        });
      }),
    );
  });

  it('is given of every exception, and is a frame that can be read', () => {
    const made = fc.oneof(
      fc.anything().map((body) => new WsException(body as object)),
      fc
        .tuple(fc.anything(), fc.integer({ min: 100, max: 599 }))
        .map(([body, status]) => new HttpException(body as object, status)),
      fc.anything().map((details) => new HoldfastException('CONFLICT', 'changed', details)),
    );
    fc.assert(
      fc.property(made, (exception) => {
        const { data, isFault } = accountFor(exception);
        expect(data.code).toBeTypeOf('string');
        expect(data.message).toBeTypeOf('string');
        expect(isFault).toBeTypeOf('boolean');
        expect(labelOf(data.code)).toMatch(/^[A-Z_]+$/);
      }),
    );
  });

  it('is given of exceptions that fight back', () => {
    class Hostile extends HttpException {
      override getStatus(): number {
        throw new Error('secret');
      }
    }
    expect(accountFor(new Hostile('x', 400)).data.code).toBe('INTERNAL');
  });
});
