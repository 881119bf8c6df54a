/** The policy files of a workspace, `policies/KIND/NAME.toml`, and what in tidegate.toml is weaker than they say. */
import { dirname, join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { readPlainFile } from '../../storage/plain-file.ts';
import { parseWavePolicy, type WavePolicy } from '../../waves/wave-policy.ts';
import { type Expiration, expirationOf, expirationWeaknesses, readExpirationPolicy } from './expiration.ts';
import {
  readThresholdPolicy,
  roleWeaknesses,
  strictThresholds,
  type Thresholds,
  type Weakness,
} from './role-strength.ts';
import type { Table } from './toml-reader.ts';
import type { WorkspaceSettings } from './workspace-file.ts';

const maxPolicyLength = 1024 * 1024;

/** @throws config-invalid when there is no such policy, or when it has a wrong entry */
export async function readExpiration(
  fs: FileSystem,
  folder: string,
  settings: WorkspaceSettings,
): Promise<Expiration> {
  return expirationOf(settings.expiration, await expirationPolicies(fs, folder, settings));
}

/** The least thresholds that the policy allows. @throws config-invalid */
export async function readThresholds(
  fs: FileSystem,
  folder: string,
  { thresholdPolicy }: WorkspaceSettings,
): Promise<Thresholds> {
  if (thresholdPolicy === undefined) return strictThresholds;
  const file = join('threshold', `${thresholdPolicy}.toml`);
  return readThresholdPolicy(await readPolicy(fs, folder, file), file);
}

/** @throws config-invalid when there is no such policy, wave-policy-invalid when it is wrong */
export async function readWaves(fs: FileSystem, folder: string, name: string): Promise<WavePolicy> {
  const file = join('waves', `${name}.toml`);
  return parseWavePolicy(await readPolicy(fs, folder, file), join('policies', file));
}

/**
 * Everything in tidegate.toml that somebody would have to answer for.
 *
 * @param folder `policies/` of the workspace
 * @throws config-invalid
 */
export async function weaknessesOf(
  fs: FileSystem,
  folder: string,
  settings: WorkspaceSettings,
): Promise<readonly Weakness[]> {
  return [
    ...roleWeaknesses(settings, await readThresholds(fs, folder, settings)),
    ...expirationWeaknesses(settings.expiration, await expirationPolicies(fs, folder, settings)),
  ];
}

async function expirationPolicies(
  fs: FileSystem,
  folder: string,
  settings: WorkspaceSettings,
): Promise<readonly Table[]> {
  const policies: Table[] = [];
  for (const name of settings.expirationPolicies) {
    const file = join('expiration', `${name}.toml`);
    policies.push(readExpirationPolicy(await readPolicy(fs, folder, file), join('policies', file)));
  }
  return policies;
}

async function readPolicy(fs: FileSystem, folder: string, file: string): Promise<string> {
  const found = await readPlainFile(fs, join(folder, file), maxPolicyLength, { within: folder });
  if (found !== undefined) return new TextDecoder().decode(found.bytes);
  const known = await policyNames(fs, join(folder, dirname(file)));
  const text = `${join('policies', file)} does not exist, expected one of ${known.join(', ') || 'none: there is no policy'}`;
  throw new TidegateError('config-invalid', text, { file });
}

async function policyNames(fs: FileSystem, folder: string): Promise<readonly string[]> {
  const entries = await fs.entries(folder).catch(() => []);
  return entries.flatMap(({ name }) => /^(.+)\.toml$/.exec(name)?.[1] ?? []).sort();
}
