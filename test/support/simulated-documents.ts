/** The signed parts as plain, changeable data, with the members that tests touch named and any other allowed. */
import { createHash } from 'node:crypto';
import type { KeyJson } from './signing-keys.ts';
import { record } from './written-json.ts';

export type TopLevel = 'root' | 'timestamp' | 'snapshot' | 'targets';

interface CommonJson {
  _type: string;
  spec_version: string;
  version: number;
  expires: string;
  [member: string]: unknown;
}

export interface RoleKeysJson {
  keyids: string[];
  threshold: number;
  [member: string]: unknown;
}

export interface RootJson extends CommonJson {
  consistent_snapshot?: boolean;
  keys: Record<string, KeyJson>;
  roles: Record<TopLevel, RoleKeysJson>;
}

export interface FileMetaJson {
  version: number;
  length?: number;
  hashes?: Record<string, string>;
  [member: string]: unknown;
}

export interface TimestampJson extends CommonJson {
  meta: Record<string, FileMetaJson>;
}

export type SnapshotJson = TimestampJson;

export interface TargetJson {
  length: number;
  hashes: Record<string, string>;
  custom?: unknown;
  [member: string]: unknown;
}

export interface DelegatedRoleJson extends RoleKeysJson {
  name: string;
  terminating: boolean;
  paths?: string[];
  path_hash_prefixes?: string[];
}

export interface DelegationsJson {
  keys: Record<string, KeyJson>;
  roles?: DelegatedRoleJson[];
  succinct_roles?: RoleKeysJson & { bit_length: number; name_prefix: string };
  [member: string]: unknown;
}

export interface TargetsJson extends CommonJson {
  targets: Record<string, TargetJson>;
  delegations?: DelegationsJson;
}

export type AnyDocument = RootJson | TimestampJson | TargetsJson;

/** 1 January 2030, in milliseconds. */
export const START = Date.UTC(2030, 0, 1);

const DAY = 86_400_000;

/** `expires` a number of days after the start; negative ones are past. */
export function expiry(days: number): string {
  return timeText(START + days * DAY);
}

export function timeText(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

export function emptyTargets(): TargetsJson {
  return { _type: 'targets', spec_version: '1.0.0', version: 1, expires: expiry(90), targets: record() };
}

export function noDelegations(): DelegationsJson {
  return { keys: record(), roles: [] };
}

export function hashesOf(bytes: Uint8Array): { sha256: string } {
  return { sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** As Python's `quote(name, "")` does it, independently of the code under test. */
export function encodedRole(name: string): string {
  return Array.from(Buffer.from(name), (byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9_.~-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}
