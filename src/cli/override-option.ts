/** `--override NAME --reason TEXT`: a person answers for what is weaker than the policies; it goes on record. */
import type { Command } from 'commander';
import { TidegateError } from '../errors.ts';
import type { OverrideWish } from '../signer/workspace/accept-weaknesses.ts';
import { collected } from './repeated-option.ts';

export interface OverrideOptions {
  readonly override: readonly string[];
  readonly reason?: string;
}

export function addOverrideOptions(command: Command): Command {
  return command
    .option(
      '--override <name>',
      'accept what is weaker than the policies, on record; may be repeated',
      collected,
      [],
    )
    .option('--reason <text>', 'why, for whoever reads overrides.jsonl later');
}

/** undefined when nothing is overridden. @throws usage for a reason without a name */
export function overrideWish({ override, reason }: OverrideOptions, now: number): OverrideWish | undefined {
  if (override.length > 0) return { names: override, reason: reason ?? '', now };
  if (reason === undefined) return undefined;
  throw new TidegateError('usage', '--reason needs --override NAME');
}
