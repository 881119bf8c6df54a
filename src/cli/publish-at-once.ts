/** `--publish` of commands that prepare a change: it is signed and published at once, with all else that waits. */
import type { Command } from 'commander';
import type { OverrideOptions } from './override-option.ts';
import { addPassphraseOptions, type PassphraseOptions } from './passphrase.ts';
import type { Surroundings } from './surroundings.ts';
import type { WorkspaceOptions } from './workspace-option.ts';

export interface PublishAtOnceOptions extends WorkspaceOptions, PassphraseOptions {
  readonly publish?: true;
  readonly dryRun?: true;
}

export function addPublishAtOnce(command: Command): Command {
  return addPassphraseOptions(
    command.option('--publish', 'sign and publish it at once, with all else that waits'),
  );
}

/**
 * True when it was asked for, and is done.
 *
 * @param overrides what somebody answers for, where the command has options for it
 * @throws as `publish` does; what was prepared stays
 */
export async function publishAtOnce(
  { workspace, publish, dryRun, passphraseFile, passphraseFd }: PublishAtOnceOptions,
  surroundings: Surroundings,
  overrides: OverrideOptions = { override: [] },
): Promise<boolean> {
  if (publish !== true || dryRun === true) return false;
  const { publishCommand } = await import('./commands/publish.ts');
  const options = {
    ...overrides,
    verify: 'checksum' as const,
    ...(workspace !== undefined && { workspace }),
    ...(passphraseFile !== undefined && { passphraseFile }),
    ...(passphraseFd !== undefined && { passphraseFd }),
  };
  await publishCommand([], options, surroundings);
  return true;
}
