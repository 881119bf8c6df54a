/** `tidegate key check-commit`: for a pre-commit hook of Git. */
import type { Command } from 'commander';
import { TidegateError } from '../../errors.ts';
import type { Surroundings } from '../surroundings.ts';

const hook = `
Example, as a hook of Git:
  printf '#!/bin/sh\\nexec tidegate key check-commit\\n' > .git/hooks/pre-commit
  chmod +x .git/hooks/pre-commit
`;

export function defineCheckCommit(command: Command, surroundings: Surroundings): void {
  command
    .description('Refuse when the next commit would bring a private key, whatever its file is called.')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', hook)
    .action(() => checkCommit(surroundings));
}

async function checkCommit({ directory, terminal, signal }: Surroundings): Promise<void> {
  const { stagedKeys } = await import('../../signer/keys/version-control.ts');
  const found = await stagedKeys(directory, signal);
  if (found.length > 0) {
    const files = found.map(({ file, format }) => `${file} (${format})`).join(', ');
    const text = `the next commit would publish ${files}. Expected no private key; take it out with: git rm --cached FILE`;
    throw new TidegateError('key-file-permissions', text, { found: found.map(({ file }) => file) });
  }
  terminal.print('no private key in the next commit');
  terminal.printJson({ found });
}
