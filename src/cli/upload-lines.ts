/** Progress lines of an upload, one for each file. */
import type { UploadProgress } from '../signer/publication/upload.ts';
import type { Progress, Terminal } from '../terminal.ts';

export async function withUploadLines<T>(
  terminal: Terminal,
  work: (show: (progress: UploadProgress) => void) => Promise<T>,
): Promise<T> {
  const lines = new UploadLines(terminal);
  try {
    return await work((progress) => lines.show(progress));
  } finally {
    lines.end();
  }
}

class UploadLines {
  readonly #terminal: Terminal;
  #name: string | undefined;
  #line: Progress | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show({ name, bytes, total }: UploadProgress): void {
    if (this.#name !== name) {
      this.end();
      this.#name = name;
      this.#line = this.#terminal.progress(name.slice(name.lastIndexOf('/') + 1).slice(-40), total);
    }
    this.#line?.update(bytes);
  }

  end(): void {
    this.#line?.end();
    this.#line = undefined;
    this.#name = undefined;
  }
}
