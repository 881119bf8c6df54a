/** Options by which a signer says what he knows by himself. */
import type { Command } from 'commander';

export interface OwnOptions {
  readonly root?: string;
  readonly keys?: string;
}

export function addOwnOptions(command: Command): Command {
  return command
    .option(
      '--root <file>',
      'a root of your own that you trust; the roots in the request must follow from it',
    )
    .option('--keys <folder>', 'your own copies of public keys (NAME.pub): they say whose a key is')
    .option('--json', 'print the result as JSON');
}
