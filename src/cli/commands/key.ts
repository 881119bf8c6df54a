/** `tidegate key new | import | export | list | rewrap | check-commit`: keys in a folder, with or without a workspace. */
import type { Define } from '../surroundings.ts';
import { defineCheckCommit } from './key-check-commit.ts';
import { defineExport } from './key-export.ts';
import { defineImport } from './key-import.ts';
import { defineList } from './key-list.ts';
import { defineNew } from './key-new.ts';
import { defineRewrap } from './key-rewrap.ts';

export const define: Define = (command, surroundings) => {
  defineNew(command.command('new'), surroundings);
  defineImport(command.command('import'), surroundings);
  defineExport(command.command('export'), surroundings);
  defineList(command.command('list'), surroundings);
  defineRewrap(command.command('rewrap'), surroundings);
  defineCheckCommit(command.command('check-commit'), surroundings);
};
