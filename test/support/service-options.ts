import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const sources = join(import.meta.dirname, '../../libs/gateway/src');

/** One option of Holdfast, as its source describes it. */
export interface DocumentedOption {
  /** Its place in the options, such as `messages.maxStreams`. */
  readonly name: string;
  readonly description: string;
  readonly type: string;
  /** Validation rules by decorator name, with the text of their arguments. */
  readonly rules: ReadonlyMap<string, readonly string[]>;
}

/** The options by section, in the order of the sources; the section without a name holds what belongs to none. */
export function documentedOptions(): ReadonlyMap<string, readonly DocumentedOption[]> {
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('options.ts'),
  );
  const classes = new Map(files.flatMap(classesOf));
  const sections = new Map<string, readonly DocumentedOption[]>([['', []]]);
  for (const member of membersOf(classes, 'HoldfastOptions')) {
    // A list of options has those of each entry.
    const type = member.type.replace('[]', '');
    const options = classes.has(type) ? expand(classes, member.name, type) : [member];
    const section = classes.has(type) ? member.name : '';
    sections.set(section, [...(sections.get(section) ?? []), ...options]);
  }
  return sections;
}

type Classes = ReadonlyMap<string, ts.ClassDeclaration>;

function classesOf(file: string): [string, ts.ClassDeclaration][] {
  const path = join(sources, file);
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  return source.statements
    .filter((statement) => ts.isClassDeclaration(statement))
    .map((declaration) => [declaration.name?.text ?? '', declaration]);
}

/**
 * An option that has options of its own stands before them: its description says what they are when it is not given.
 */
function expand(classes: Classes, path: string, type: string): DocumentedOption[] {
  return membersOf(classes, type, `${path}.`).flatMap((option) =>
    classes.has(option.type) ? [option, ...expand(classes, option.name, option.type)] : [option],
  );
}

function membersOf(classes: Classes, type: string, prefix = ''): DocumentedOption[] {
  const members = classes.get(type)?.members ?? [];
  return [...members].filter((member) => ts.isPropertyDeclaration(member)).map((member) => optionOf(member, prefix));
}

function optionOf(member: ts.PropertyDeclaration, prefix: string): DocumentedOption {
  const [doc] = ts.getJSDocCommentsAndTags(member);
  const comment = doc && ts.isJSDoc(doc) ? (ts.getTextOfJSDocComment(doc.comment) ?? '') : '';
  const decorators = (ts.getDecorators(member) ?? []).flatMap(({ expression }): [string, readonly string[]][] =>
    ts.isCallExpression(expression)
      ? [[expression.expression.getText(), expression.arguments.map((argument) => argument.getText())]]
      : [],
  );
  return {
    name: prefix + member.name.getText(),
    // Links are for readers of the source.
    description: comment
      .replace(/\{@link (\w+)\}/g, '`$1`')
      .replace(/\b\d+(?:_\d{3})+\b/g, (number) => number.replaceAll('_', ','))
      .replace(/\s+/g, ' ')
      .trim(),
    type: member.type?.getText() ?? '',
    rules: new Map(decorators),
  };
}

/** What an option is when it is not given, in the words of its source; undefined when they do not say. */
export function defaultOf({ description }: DocumentedOption): string | undefined {
  const [, sentence] = /\bDefault:? (none\b|.*?(?=[.:](?:\s|$)| \(|, about|$))/.exec(description) ?? [];
  const [, marked] = /`(\w+)`[^`]*\(default/.exec(description) ?? [];
  return sentence ?? (marked === undefined ? undefined : `\`'${marked}'\``);
}

/** What types that have a name of their own stand for, where the description does not spell it out. */
const namedTypes: Readonly<Record<string, string>> = {
  OriginsAllowed: "`'same-origin'`, `'*'`, list of strings and regular expressions",
  OverflowPolicy: "`'close'`, `'refuse'`, `'drop'`",
  RateOptions: '`{ limit, windowMs }`',
  'JwtAlgorithm[]': 'list of HS256, HS384, HS512; or of RS, PS and ES with 256, 384 or 512, EdDSA, Ed25519',
};

/** Which values are accepted, from the validation rules. */
export function allowedOf({ rules, type }: DocumentedOption): string {
  const first = (name: string): string | undefined => rules.get(name)?.[0]?.replaceAll('_', '');
  const minimum = first('IsLimit') ?? first('IsMilliseconds') ?? first('Min');
  if (rules.has('IsLimit')) return `whole number from ${minimum ?? '0'}, or \`Infinity\``;
  if (rules.has('IsInt') || rules.has('IsMilliseconds')) {
    const maximum = first('Max');
    return `whole number from ${minimum ?? '0'}${maximum === undefined ? '' : ` to ${maximum}`}`;
  }
  if (rules.has('IsNumber')) return `number from ${minimum ?? '0'}, or \`Infinity\``;
  if (rules.has('IsBoolean')) return '`true`, `false`';
  return namedTypes[type] ?? `\`${type}\``;
}

/** Whether it bounds something that could grow: a number, or a rate. */
export function isLimit({ type }: DocumentedOption): boolean {
  return type === 'number' || type === 'RateOptions';
}
