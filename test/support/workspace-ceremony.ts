/** People with keys of their own, and the ceremonies that they hold over a workspace of the tests. */
import { formatJson } from '../../src/metadata/json-writer.ts';
import { acceptRoots } from '../../src/signer/ceremony/accept-roots.ts';
import { proposeRoot } from '../../src/signer/ceremony/propose-root.ts';
import { signRequest } from '../../src/signer/ceremony/sign-request.ts';
import type { SigningRequest } from '../../src/signer/ceremony/signing-request.ts';
import type { NamedKey } from '../../src/signer/keys/key-ring.ts';
import { generatePrivateKey, type SigningKey, signingKeyOf } from '../../src/signer/keys/signing-key.ts';
import type { Workspace } from '../../src/signer/workspace/workspace.ts';
import { openKeyRing } from '../../src/signer/workspace/workspace-keys.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { readPlainFile } from '../../src/storage/plain-file.ts';
import { directory, putFile, unlock } from './workspace.ts';

export async function textOf(fs: FileSystem, path: string): Promise<string> {
  return Buffer.from((await readPlainFile(fs, path, 1_000_000))?.bytes ?? []).toString();
}

/** Edits tidegate.toml; what is replaced must be there. */
export async function editToml(fs: FileSystem, from: string | RegExp, to: string): Promise<void> {
  const path = `${directory}/tidegate.toml`;
  const text = await textOf(fs, path);
  if (text.replace(from, to) === text) throw new Error(`${from} is not in tidegate.toml`);
  await putFile(fs, path, text.replace(from, to));
}

/** A key that is made elsewhere: its public half comes into the workspace. */
export async function foreignKey(fs: FileSystem, name: string): Promise<SigningKey> {
  const key = signingKeyOf(await generatePrivateKey('ed25519'), name);
  await putFile(fs, `${directory}/keys/${name}.pub`, formatJson(key.json));
  return key;
}

/** The private half of a key that lies in the workspace. */
export async function ownKey(workspace: Workspace, name: string): Promise<SigningKey> {
  const key = [...workspace.keys.values()].find((candidate: NamedKey) => candidate.name === name);
  const opened = key && (await openKeyRing(workspace, unlock).open(key));
  if (opened === undefined) throw new Error(`${name} is not at hand`);
  return opened;
}

export async function signedBy(
  request: SigningRequest,
  keys: readonly SigningKey[],
): Promise<SigningRequest> {
  let signed = request;
  for (const key of keys) signed = await signRequest(signed, key);
  return signed;
}

/** Proposes the next root, has it signed, and takes it in. */
export async function nextRoot(
  workspace: Workspace,
  keys: readonly SigningKey[],
  now: number,
): Promise<Workspace> {
  const { request, path } = await proposeRoot(workspace, { now });
  const signed = await signedBy(request, keys);
  const accepted = await acceptRoots(workspace, [{ request: signed, given: true, paths: [path] }], { now });
  return accepted.workspace;
}
