import type { BackplaneSink, Publication } from '@holdfast/backplane';

const decoder = new TextDecoder();

export function textOf(item: Uint8Array): string {
  return decoder.decode(item);
}

/** Records the calls of an engine to its sink. */
export class Recorder implements BackplaneSink {
  readonly publications: Publication[] = [];
  readonly commands: { readonly command: Uint8Array; readonly from: string }[] = [];
  readonly notices: ('interrupted' | 'resumed')[] = [];
  hasClosed = false;
  callsAfterClose = 0;

  publication(publication: Publication): void {
    this.#called();
    this.publications.push(publication);
  }

  command(command: Uint8Array, from: string): void {
    this.#called();
    this.commands.push({ command, from });
  }

  interrupted(): void {
    this.#called();
    this.notices.push('interrupted');
  }

  resumed(): void {
    this.#called();
    this.notices.push('resumed');
  }

  /** The publications of a room, as text. */
  textsOf(room: string): string[] {
    return this.publications.filter((publication) => publication.room === room).map(({ item }) => textOf(item));
  }

  #called(): void {
    if (this.hasClosed) this.callsAfterClose++;
  }
}
