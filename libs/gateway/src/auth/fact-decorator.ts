import type { ParameterDecoratorOptions, PipeTransform, Type } from '@nestjs/common';

/**
 * A decorator for parameters that injects an object, or one member of it, through pipes if they are given. Written out,
 * because the order of a union that is inferred differs between builds, and with it the report of the public surface.
 *
 * @typeParam Facts - the object.
 * @publicApi
 */
export type FactDecorator<Facts> = (
  ...dataOrPipes: (keyof Facts | ParameterDecoratorOptions | PipeTransform | Type<PipeTransform> | undefined)[]
) => ParameterDecorator;
