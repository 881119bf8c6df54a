/** What went on during a piece of work that was no error, for logs and for people. */
import type { ErrorCode } from '../errors.ts';

export interface Note {
  /** The code of the error that did not stop the work. */
  readonly code: ErrorCode;
  readonly message: string;
}

export class Notes {
  readonly list: Note[] = [];

  add(code: ErrorCode, message: string): void {
    this.list.push({ code, message });
  }
}
