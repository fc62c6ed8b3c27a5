import { Type } from 'class-transformer';
import { IsObject, IsOptional, ValidateBy, ValidateNested } from 'class-validator';

/** Accepts Infinity, which `@IsInt` refuses: for limits that may be switched off on purpose. */
export function IsLimit(minimum: number): PropertyDecorator {
  return ValidateBy({
    name: 'isLimit',
    validator: {
      validate: (value) => value === Infinity || (Number.isInteger(value) && Number(value) >= minimum),
      defaultMessage: () => `$property must be a whole number not less than ${minimum}, or Infinity for no limit`,
    },
  });
}

/** A group of options. Without the second rule a list would pass, and what it holds would be ignored. */
export function IsGroup(type: () => new () => object): PropertyDecorator {
  return (target, property) => {
    IsOptional()(target, property);
    IsObject({ message: '$property must be an object of options' })(target, property);
    ValidateNested()(target, property);
    Type(type)(target, property);
  };
}

/** An object that an application has made, with these methods. */
export function HasMethods(methods: readonly string[], what: string): PropertyDecorator {
  return ValidateBy({
    name: 'hasMethods',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'object' &&
        value !== null &&
        methods.every((method) => typeof Reflect.get(value, method) === 'function'),
      defaultMessage: () => `$property must be ${what}`,
    },
  });
}
