/** What a new workspace holds: policies, keys, tidegate.toml, and the first root or the request for it. */
import { join } from 'node:path';
import { formatJson } from '../../metadata/json-writer.ts';
import { topLevelRoles } from '../../metadata/role-name.ts';
import { nodeFileSystem } from '../../storage/file-system.ts';
import { makeSigningRequest } from '../ceremony/new-request.ts';
import { formatSigningRequest } from '../ceremony/request-format.ts';
import { proposedRoot } from '../ceremony/root-proposal.ts';
import { requestFileName } from '../ceremony/verified-request.ts';
import { developmentKeyFile, encryptKeyFile } from '../keys/key-file.ts';
import { type NamedKey, privateKeyPath, publicKeyPath } from '../keys/key-ring.ts';
import { signWith } from '../keys/signing.ts';
import { generatePrivateKey, type SigningKey, signingKeyOf } from '../keys/signing-key.ts';
import type { InitOptions } from './init.ts';
import { privateMode, templatesFolder, type WriteFile, writeCommonFiles } from './new-folder.ts';
import { formatOverrides, type Override, overridesFileName } from './overrides.ts';
import { readExpiration } from './policies.ts';
import { type WorkspaceSettings, workspaceFileName } from './workspace-file.ts';

export interface WorkspaceDraft {
  readonly toml: string;
  readonly settings: WorkspaceSettings;
  readonly overrides: readonly Override[];
  readonly options: InitOptions;
}

export async function fillWorkspace(write: WriteFile, draft: WorkspaceDraft): Promise<void> {
  await writeCommonFiles(write);
  await writeFirstRoot(write, draft, await writeKeys(write, draft));
  if (draft.overrides.length > 0) await write(overridesFileName, formatOverrides(draft.overrides));
  await write(workspaceFileName, draft.toml);
}

interface Keys {
  readonly named: readonly NamedKey[];
  /** Those that were made here, by name. */
  readonly made: ReadonlyMap<string, SigningKey>;
}

async function writeKeys(write: WriteFile, { settings, options }: WorkspaceDraft): Promise<Keys> {
  const named = new Map<string, NamedKey>();
  const made = new Map<string, SigningKey>();
  for (const role of topLevelRoles) {
    for (const key of options.given?.[role]?.keys ?? []) named.set(key.name, key);
  }
  for (const name of new Set(topLevelRoles.flatMap((role) => settings.roles[role].keys))) {
    if (!named.has(name)) {
      const key = await writeNewKey(write, name, options);
      made.set(name, key);
      named.set(name, { name, id: key.id, json: key.json });
    }
    await write(publicKeyPath('keys', name), formatJson(named.get(name)?.json ?? new Map()));
  }
  return { named: [...named.values()], made };
}

async function writeNewKey(write: WriteFile, name: string, options: InitOptions): Promise<SigningKey> {
  const privateKey = await generatePrivateKey(options.keyType ?? 'ed25519');
  const path = privateKeyPath('keys', name);
  const passphrase =
    options.insecureDevelopmentKeys === true ? undefined : await options.passphrase?.({ name, path });
  const file =
    passphrase === undefined
      ? developmentKeyFile(privateKey, path)
      : await encryptKeyFile(privateKey, passphrase, path);
  await write(path, file, privateMode);
  return signingKeyOf(privateKey, path);
}

/** Signed at once where the keys are made here; else as a request that goes round. */
async function writeFirstRoot(
  write: WriteFile,
  { settings, options }: WorkspaceDraft,
  keys: Keys,
): Promise<void> {
  const { root: validity } = await readExpiration(nodeFileSystem, templatesFolder, settings);
  const now = options.now ?? Date.now();
  const expires = Math.floor((now + validity) / 1000) * 1000;
  const document = proposedRoot({ settings, keys: keys.named, before: undefined, expires });
  const { keys: names, threshold } = settings.roles.root;
  const signers = names.flatMap((name) => keys.made.get(name) ?? []).slice(0, threshold);
  if (signers.length === threshold) {
    await write(join('roots', '1.root.json'), await signWith({ document, what: 'root 1' }, signers));
    return;
  }
  const request = makeSigningRequest({
    repository: settings.name,
    role: 'root',
    document,
    roots: [],
    plannedAt: now,
    base: undefined,
    owners: new Map(keys.named.map(({ id, name }) => [id, name])),
    longestValidity: validity,
  });
  await write(join('requests', requestFileName(request)), formatSigningRequest(request));
}
