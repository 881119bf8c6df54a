/** What `init` and `adopt` say of the drafts that killed runs of theirs have left. */
import type { LeftDraft } from '../signer/workspace/draft-folder.ts';
import type { Terminal } from '../terminal.ts';

export function noteLeftDraft({ path, removed }: LeftDraft, terminal: Terminal): void {
  if (removed) terminal.note(`removed ${path}: an init or adopt that was killed had left it`);
  else
    terminal.note(
      `warning: ${path} was left by an init or adopt of another machine, container or user; it can hold private keys. If none runs there now, remove it`,
    );
}
