import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const sources = join(import.meta.dirname, '../../libs/client/src');

/** Something that has a name and a comment in the sources of the client. */
export interface Documented {
  readonly name: string;
  readonly type: string;
  readonly description: string;
}

/** The options of `createClient` in the order of the sources, those of a section as `backoff.firstMs`. */
export function clientOptions(): Documented[] {
  const sections = new Map([
    ['backoff', membersOf('backoff.ts', 'BackoffOptions')],
    ['outbox', membersOf('options.ts', 'OutboxOptions')],
  ]);
  return membersOf('options.ts', 'ClientOptions').flatMap((option) => {
    const section = sections.get(option.name);
    return section?.map((member) => ({ ...member, name: `${option.name}.${member.name}` })) ?? [option];
  });
}

/** The default that a description names; undefined if it names none. */
export function defaultOf({ description }: Documented): string | undefined {
  return /\bDefault:? (.*?)(?=[.:,](?:\s|$))/.exec(description)?.[1];
}

/** The lines of the list in the comment above a type. */
export function listAbove(file: string, name: string): string[] {
  const [, list = ''] = /(- [^]*)/.exec(commentOf(declarationOf(file, name))) ?? [];
  return list.split(/\n- |^- /).slice(1);
}

/** The members of a union of strings. */
export function membersOfUnion(file: string, name: string): Documented[] {
  const declaration = declarationOf(file, name);
  if (!ts.isTypeAliasDeclaration(declaration) || !ts.isUnionTypeNode(declaration.type))
    throw new Error(`${name}: no union`);
  const text = declaration.getSourceFile().getFullText();
  return declaration.type.types.map((member) => {
    // The compiler takes a comment before the bar for one of the whole union.
    const above = text.slice(0, member.getStart()).replace(/\s*\|\s*$/, '');
    const [, comment = ''] = /\/\*\*((?:(?!\*\/)[^])*)\*\/$/.exec(above) ?? [];
    return { name: member.getText().slice(1, -1), type: 'string', description: tidy(comment.replace(/^\s*\*/gm, '')) };
  });
}

function membersOf(file: string, name: string): Documented[] {
  const declaration = declarationOf(file, name);
  if (!ts.isInterfaceDeclaration(declaration)) throw new Error(`${name}: no interface`);
  return declaration.members
    .filter((member) => ts.isPropertySignature(member))
    .map((member) => ({
      name: member.name.getText(),
      type: member.type?.getText() ?? '',
      description: tidy(commentOf(member)),
    }));
}

function declarationOf(file: string, name: string): ts.InterfaceDeclaration | ts.TypeAliasDeclaration {
  const path = join(sources, file);
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const found = source.statements.find(
    (statement) =>
      (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) && statement.name.text === name,
  );
  if (!found || !(ts.isInterfaceDeclaration(found) || ts.isTypeAliasDeclaration(found))) throw new Error(`no ${name}`);
  return found;
}

function commentOf(node: ts.Node): string {
  const [doc] = ts.getJSDocCommentsAndTags(node);
  return doc && ts.isJSDoc(doc) ? (ts.getTextOfJSDocComment(doc.comment) ?? '') : '';
}

function tidy(comment: string): string {
  return comment.replace(/\s+/g, ' ').trim();
}
