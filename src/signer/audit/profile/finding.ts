/** What a lint of the portable profile says: the rule, where it is broken, and which client stumbles over it. */
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../../../metadata/json.ts';
import { escaped, printable } from '../../../metadata/printable.ts';

/** The clients that repositories in the field are read with, beside our own. */
export const peers = ['tuf-js', 'python-tuf', 'go-tuf', 'tough'] as const;
export type Peer = (typeof peers)[number];

/** Every rule of the profile, with what it asks. `docs/portable-profile.md` lists the same. */
export const profileRules = {
  'strict-json': 'a file is strict JSON: UTF-8, integers only, no member twice',
  'specification-version': 'spec_version is 1.0.0',
  'expires-form': 'expires is written in whole seconds with a capital Z',
  expired: 'a role has not expired',
  'version-range': 'a version is an integer from 1 to 2^53 - 1',
  'integer-range': 'integers lie between -(2^53 - 1) and 2^53 - 1',
  'normalised-text': 'text is in Unicode normalisation form C',
  'ascii-members': 'member names are ASCII',
  'root-roles': 'root has the roles root, snapshot, targets and timestamp, and no others',
  'consistent-snapshot': 'root has consistent_snapshot: true',
  'key-kind': 'keys are ed25519, ecdsa-sha2-nistp256 or rsa with rsassa-pss-sha256',
  'key-encoding': 'an ed25519 key is 64 hexadecimal characters, others are PEM',
  'key-id': 'a key id is the lower-case SHA-256 of its key object as written',
  'key-members': 'a key object has keytype, scheme and keyval alone',
  'role-keys': 'a role names each key id once, and each has its key',
  'signature-once': 'a file has one signature for each key id',
  'signature-form': 'a signature is lower-case hexadecimal, of ECDSA in DER',
  'pss-salt': 'the salt of an RSA-PSS signature has 32 bytes',
  'listing-complete': 'snapshot and timestamp state version, length and SHA-256 of what they list',
  'listing-hashes': 'hashes, where there are any, hold a SHA-256',
  'timestamp-entries': 'timestamp lists snapshot.json alone',
  'file-size': 'root has at most 512,000 bytes, timestamp 16,384',
  'target-count': 'a role lists at most 1,000 targets',
  'target-hashes': 'a target has a SHA-256, perhaps a SHA-512 behind it, in lower-case hexadecimal',
  'target-copies': 'a target lies under each of its hashes, where every client looks for it',
  'target-name': 'a target name is flat and of letters, digits, ".", "_", "+" and "-"',
  custom: 'custom is left out or an object with members',
  'delegations-form': 'delegations are left out or have keys and roles, and nothing else',
  'delegated-role-form':
    'a delegated role has name, keyids, threshold, paths and terminating, and nothing else',
  'role-name': 'a role name is of lower-case letters, digits, ".", "_" and "-"',
  'path-pattern': 'a path is literal but for * and ?, and there is at least one',
  'path-coverage': 'a delegated role lists only targets that every client finds inside its paths',
} as const;
export type ProfileRule = keyof typeof profileRules;

/** Who stumbles, each with what it does: "up to 0.17.0 cannot read keytype ecdsa". Nobody: it is advice. */
export type Stumbles = Readonly<Partial<Record<Peer, string>>>;

export interface ProfileFinding {
  readonly rule: ProfileRule;
  /** The file, as the lint was given it. */
  readonly file: string;
  /** The member, from the top of the file. */
  readonly path: string;
  /** What stands there, in printable words. */
  readonly found: string;
  readonly peers: Stumbles;
}

/** Where in which file a value stands. */
export interface Spot {
  readonly file: string;
  readonly path: string;
}

export function below(spot: Spot, member: string | number): Spot {
  const name = typeof member === 'number' ? `[${member}]` : `.${printable(member)}`;
  return { file: spot.file, path: spot.path + name };
}

export function finding(rule: ProfileRule, spot: Spot, found: string, stumbles: Stumbles): ProfileFinding {
  return { rule, file: spot.file, path: spot.path, found: inWords(found), peers: stumbles };
}

/** Cut and escaped; quotes stay as they are, since it is no string. */
function inWords(text: string): string {
  return escaped(text.length > 200 ? `${text.slice(0, 200)}…` : text).replaceAll('\\"', '"');
}

/** The same for several clients. */
export function each(names: readonly Peer[], does: string): Stumbles {
  return Object.fromEntries(names.map((name) => [name, does]));
}

export function everyPeer(does: string): Stumbles {
  return each(peers, does);
}

/** "7.targets.json: signed.expires is …: python-tuf cannot read it (rule expires-form: …)". */
export function sentenceOf({ rule, file, path, found, peers: who }: ProfileFinding): string {
  const clients = Object.entries(who).map(([peer, does]) => `${peer} ${does}`);
  const effect = clients.length === 0 ? 'no client stumbles today' : clients.join('; ');
  return `${file}: ${path} is ${found}: ${effect} (${rule}: ${profileRules[rule]})`;
}

/** Members of an object; none of anything else. That it is something else is said by whoever reads for trust. */
export function membersOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : noMembers;
}

export function itemsOf(value: JsonValue | undefined): readonly JsonValue[] {
  return isJsonArray(value) ? value : [];
}

export function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

const noMembers: JsonObject = new Map();
