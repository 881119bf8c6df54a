/** Roots, targets roles and requests for tests of ceremonies, from keys that come from their names. */
import { canonicalBytes } from '../../src/metadata/canonical.ts';
import { formatEnvelope } from '../../src/metadata/envelope.ts';
import type { JsonObject } from '../../src/metadata/json.ts';
import { jsonOf, type Plain, withMembers } from '../../src/metadata/json-writer.ts';
import { keyIdOf } from '../../src/metadata/keys.ts';
import { makeSigningRequest, type NewRequest } from '../../src/signer/ceremony/new-request.ts';
import type { SigningRequest } from '../../src/signer/ceremony/signing-request.ts';
import type { SigningKey } from '../../src/signer/keys/signing-key.ts';
import { type KeyKind, signingKey } from './signing-keys.ts';

export const plannedAt = Date.parse('2026-11-24T12:00:00Z');

/** A private key under a name; the same name and kind give the same key. */
export function keyOf(name: string, kind: KeyKind = 'ed25519'): SigningKey {
  const key = signingKey(name, kind);
  const json = jsonOf(key.json as Plain) as JsonObject;
  return {
    id: keyIdOf(json),
    json,
    sign: async (message) => new Uint8Array(Buffer.from(key.sign(message), 'hex')),
  };
}

export interface RoleNames {
  readonly keys: readonly string[];
  readonly threshold: number;
}

export interface RootNames {
  readonly root: RoleNames;
  readonly targets?: RoleNames;
  readonly snapshot?: RoleNames;
  readonly timestamp?: RoleNames;
  readonly expires?: string;
  readonly repository?: string;
  readonly members?: { readonly [member: string]: Plain | undefined };
}

const one = (name: string): RoleNames => ({ keys: [name], threshold: 1 });

/** The signed part of a root. */
export function rootJson(version: number, names: RootNames): JsonObject {
  const roles = {
    root: names.root,
    targets: names.targets ?? one('targets-1'),
    snapshot: names.snapshot ?? one('snapshot-1'),
    timestamp: names.timestamp ?? one('timestamp-1'),
  };
  const all = new Set(Object.values(roles).flatMap(({ keys }) => keys));
  const document = jsonOf({
    _type: 'root',
    spec_version: '1.0.0',
    'x-tidegate-repository': names.repository ?? 'acme/os',
    version,
    expires: names.expires ?? '2027-11-24T12:00:00Z',
    consistent_snapshot: true,
    keys: new Map(Array.from(all, (name) => [keyOf(name).id, keyOf(name).json])),
    roles: Object.fromEntries(
      Object.entries(roles).map(([role, { keys, threshold }]) => [
        role,
        { keyids: keys.map((name) => keyOf(name).id), threshold },
      ]),
    ),
  });
  return withMembers(document as JsonObject, names.members ?? {});
}

/** The signed part of a targets role. */
export function targetsJson(
  version: number,
  members: { readonly [member: string]: Plain | undefined } = {},
): JsonObject {
  const head = {
    _type: 'targets',
    spec_version: '1.0.0',
    'x-tidegate-repository': 'acme/os',
    version,
    expires: '2027-02-24T12:00:00Z',
    targets: {},
  };
  return withMembers(jsonOf(head) as JsonObject, members);
}

export interface DelegationNames extends RoleNames {
  readonly name: string;
  readonly paths: readonly string[];
  readonly terminating?: boolean;
}

export function delegationsJson(roles: readonly DelegationNames[]): Plain {
  const names = new Set(roles.flatMap(({ keys }) => keys));
  return {
    keys: new Map(Array.from(names, (name) => [keyOf(name).id, keyOf(name).json])),
    roles: roles.map(({ name, keys, threshold, paths, terminating = false }) => ({
      name,
      keyids: keys.map((key) => keyOf(key).id),
      threshold,
      paths,
      terminating,
    })),
  };
}

/** A metadata file. */
export async function signed(document: JsonObject, names: readonly string[]): Promise<Uint8Array> {
  const message = canonicalBytes(document);
  const signatures = [];
  for (const name of names) {
    const key = keyOf(name);
    signatures.push({ keyId: key.id, hex: Buffer.from(await key.sign(message)).toString('hex') });
  }
  return formatEnvelope(document, signatures);
}

export function ownersOf(names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(names.map((name) => [keyOf(name).id, name]));
}

/** A request with what every one has. */
export function requestFor(
  wanted: Pick<NewRequest, 'role' | 'document'> & Partial<NewRequest>,
): SigningRequest {
  return makeSigningRequest({ repository: 'acme/os', roots: [], plannedAt, base: undefined, ...wanted });
}

export const board: RootNames = { root: { keys: ['alice', 'bob', 'carol'], threshold: 2 } };
