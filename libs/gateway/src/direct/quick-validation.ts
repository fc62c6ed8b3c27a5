import type { ArgumentMetadata, PipeTransform, Type } from '@nestjs/common';
import * as validators from 'class-validator';
import { isTransformed, readValidationPipe, type ValidationPipeSettings } from '../nest/index.js';

type Metadata = ReturnType<ReturnType<typeof validators.getMetadataStorage>['getTargetValidationMetadatas']>[number];
type Fields = Record<string, unknown>;

/** One decorator of class-validator. */
interface Check {
  readonly constraint: validators.ValidatorConstraintInterface;
  readonly constraints: unknown[];
  /** It is said of the items of a list. */
  readonly each: boolean;
}

/** What must hold of one property. */
interface PropertyRule {
  readonly property: string;
  isOptional: boolean;
  readonly checks: Check[];
}

type Rules = ReadonlyMap<string, PropertyRule>;

const { CONDITIONAL_VALIDATION, CUSTOM_VALIDATION, IS_DEFINED, WHITELIST } = validators.ValidationTypes;
/** class-validator exports the name of each of its own decorators; what others are called may be anything. */
const ownNames: ReadonlySet<unknown> = new Set(Object.values(validators).filter((value) => typeof value === 'string'));

/**
 * A ValidationPipe that lets plain, valid data pass by itself, at a tenth of the cost: without a promise, and without
 * looking up all metadata again for each message. It only ever says yes. Whatever it does not know, and whatever breaks
 * a rule, is left to the pipe, so that there is one author of errors
 * (`test/direct/quick-validation.property.spec.ts`).
 */
class QuickValidation implements PipeTransform {
  /** False where there is too much to know of the class. */
  #rules: Rules | false | undefined;
  readonly #isStripped: boolean;
  /** Without `transform`, the pipe gives a plain copy once it has an option of its own. */
  readonly #isCopied: boolean;

  constructor(
    private readonly pipe: PipeTransform,
    private readonly metatype: Type<Fields>,
    private readonly settings: ValidationPipeSettings,
  ) {
    const { whitelist = false, forbidNonWhitelisted = false } = settings.validatorOptions;
    this.#isStripped = whitelist && !forbidNonWhitelisted;
    this.#isCopied = !settings.isTransformEnabled && Object.keys(settings.validatorOptions).length > 1;
  }

  transform(value: unknown, metadata: ArgumentMetadata): unknown {
    // With the first message, not at boot: by then every class is loaded and class-validator has its container.
    const rules = (this.#rules ??= rulesOf(this.metatype, this.settings) ?? false);
    const accepted = rules && isPlain(value) ? this.#accept(rules, value) : undefined;
    return accepted ?? this.pipe.transform(value, metadata);
  }

  #accept(rules: Rules, given: Fields): Fields | undefined {
    const keys = this.#known(rules, given);
    if (!keys) return undefined;
    const instance = new this.metatype();
    for (const key of keys) {
      // class-transformer does not write over methods.
      if (typeof instance[key] === 'function') return undefined;
      const value = given[key];
      instance[key] = Array.isArray(value) ? [...(value as unknown[])] : value;
    }
    if (this.settings.validatorOptions.whitelist && !Object.keys(instance).every((key) => rules.has(key)))
      return undefined;
    for (const rule of rules.values()) if (!holds(rule, instance, this.metatype.name)) return undefined;
    if (this.settings.isTransformEnabled) return instance;
    return this.#isCopied ? copyOf(instance) : given;
  }

  /** Undefined where unknown members do not simply disappear, or a member is more than a simple value. */
  #known(rules: Rules, given: Fields): string[] | undefined {
    const keys: string[] = [];
    for (const key of Object.keys(given)) {
      // Also of what is stripped: the pipe looks into it, and removes what it finds of prototypes.
      if (!isSimple(given[key])) return undefined;
      if (rules.has(key)) keys.push(key);
      // What is named like something that every object has is not simple, either.
      else if (!this.#isStripped || key === 'prototype' || key in this.metatype.prototype) return undefined;
    }
    return keys;
  }
}

function holds({ property, isOptional, checks }: PropertyRule, object: Fields, targetName: string): boolean {
  const value = object[property];
  if (isOptional && (value === undefined || value === null)) return true;
  for (const { constraint, constraints, each } of checks) {
    const args = { targetName, property, object, value, constraints };
    if (!each || isPrimitive(value)) {
      if (constraint.validate(value, args) !== true) return false;
    } else if (!Array.isArray(value) || !value.every((item) => constraint.validate(item, args) === true)) return false;
  }
  return true;
}

/** What a ValidationPipe does to a parameter that it does not validate, a `@ConnectedSocket()` for one. */
const unchanged: PipeTransform = { transform: (value: unknown) => value };

/** Puts {@link QuickValidation} in place of a ValidationPipe; other pipes stay as they are. */
export function quicken(pipe: PipeTransform, metadata: ArgumentMetadata): PipeTransform {
  const settings = readValidationPipe(pipe);
  if (!settings || settings.expectedType) return pipe;
  if (!settings.toValidate(metadata)) return unchanged;
  // What the pipe validates has a class, and that of a DTO is made without arguments, by class-transformer, too.
  return new QuickValidation(pipe, metadata.metatype as Type<Fields>, settings);
}

/** Undefined where it may be more than a copy of each property. */
function copyOf(instance: Fields): Fields | undefined {
  return Object.values(instance).every((value) => value === undefined || isSimple(value)) ? { ...instance } : undefined;
}

/** Undefined for a class that has anything else than plain rules of class-validator itself. */
function rulesOf(metatype: Type, { validatorOptions, ...settings }: ValidationPipeSettings): Rules | undefined {
  const { always = false, strictGroups = false, groups } = validatorOptions;
  if (settings.transformOptions) return undefined;
  const rules = new Map<string, PropertyRule>();
  for (const metadata of validators
    .getMetadataStorage()
    .getTargetValidationMetadatas(metatype, '', always, strictGroups, groups)) {
    const { propertyName: property } = metadata;
    const rule = rules.get(property) ?? { property, isOptional: false, checks: [] };
    if (property === 'prototype' || property in metatype.prototype || !add(rule, metadata)) return undefined;
    rules.set(property, rule);
  }
  return rules.size > 0 && !isTransformed(metatype, rules.keys()) ? rules : undefined;
}

/** @returns false for a decorator that is not known here. */
function add(rule: PropertyRule, { type, name, each, validateIf, constraintCls, constraints }: Metadata): boolean {
  if (validateIf) return false;
  if (type === WHITELIST) return true;
  if (type === CONDITIONAL_VALIDATION) return (rule.isOptional = name === validators.IS_OPTIONAL);
  if ((type !== CUSTOM_VALIDATION && type !== IS_DEFINED) || !ownNames.has(name)) return false;
  for (const { instance, async } of validators.getMetadataStorage().getTargetValidatorConstraints(constraintCls)) {
    if (async) return false;
    rule.checks.push({ constraint: instance, constraints, each });
  }
  return true;
}

function isPlain(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Such that class-transformer makes no instance for it. */
function isSimple(value: unknown): boolean {
  return isPrimitive(value) || (Array.isArray(value) && value.every(isPrimitive));
}

function isPrimitive(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
