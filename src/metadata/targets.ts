/**
 * The targets role and roles it delegates to (TUF specification 4.5): what images there are, and whom else to
 * ask. A role can list a hundred thousand targets: each is checked when the document is read, and only those
 * asked for are made into objects.
 */
import { digestLength } from './crypto.ts';
import { type Delegations, parseDelegations } from './delegations.ts';
import { type Document, parseDocument } from './document.ts';
import type { Envelope } from './envelope.ts';
import { checkCount, inside, integerAt, invalid, objectAt, type Place } from './fields.ts';
import { type Hashes, parseHashes } from './file-meta.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import type { DocumentLimits } from './limits.ts';
import { sizeOf } from './portable-value.ts';
import { isTargetPath, type TargetPath } from './target-path.ts';

export interface Target {
  readonly path: TargetPath;
  /** Bytes. */
  readonly length: number;
  readonly hashes: Hashes;
  /** Whatever the signer attached; undefined when absent. */
  readonly custom: JsonValue | undefined;
}

export interface TargetsDocument extends Document {
  /** Checked target objects by path, in their order. `targetOf` decodes one. */
  readonly targets: JsonObject;
  readonly delegations: Delegations | undefined;
}

/** @throws type-mismatch, spec-version-unsupported, document-invalid, count-limit */
export function parseTargets(envelope: Envelope, limits: DocumentLimits): TargetsDocument {
  const { file, signed } = envelope;
  const document = parseDocument(envelope, 'targets');
  const place: Place = { file, path: 'signed.targets' };
  const targets = objectAt(signed.get('targets'), place);
  targets.forEach((value, path) => {
    if (!isSoundTarget(path, value, limits)) explainTarget(path, value, limits, place);
  });
  const delegations = signed.get('delegations');
  return {
    ...document,
    targets,
    delegations:
      delegations === undefined
        ? undefined
        : parseDelegations(delegations, limits, { file, path: 'signed.delegations' }),
  };
}

/** The target with this path, if the role lists it. */
export function targetOf(document: TargetsDocument, path: TargetPath): Target | undefined {
  const value = document.targets.get(path);
  if (value === undefined) return undefined;
  const place = inside({ file: document.file, path: 'signed.targets' }, path);
  const object = objectAt(value, place);
  return {
    path,
    length: integerAt(object.get('length'), 0, inside(place, 'length')),
    hashes: parseHashes(object.get('hashes'), inside(place, 'hashes')),
    custom: object.get('custom'),
  };
}

const notLowerHex = /[^0-9a-f]/;

/** The common case without making anything: SHA-256 in lower case, a sane length, a safe path. */
function isSoundTarget(path: string, value: JsonValue, limits: DocumentLimits): boolean {
  if (!isTargetPath(path) || !isJsonObject(value)) return false;
  const hashes = value.get('hashes');
  const length = value.get('length');
  if (!isJsonObject(hashes) || typeof length !== 'number' || length < 0) return false;
  const sha256 = hashes.get('sha256');
  if (hashes.size !== 1 || typeof sha256 !== 'string' || sha256.length !== digestLength.sha256) return false;
  const custom = value.get('custom');
  return !notLowerHex.test(sha256) && (custom === undefined || sizeOf(custom) <= limits.maxCustomSize);
}

/** Checks a target member by member and names what is wrong. */
function explainTarget(path: string, value: JsonValue, limits: DocumentLimits, place: Place): void {
  if (!isTargetPath(path))
    throw invalid(place, 'target paths that are relative and cannot leave their folder', path);
  const at = inside(place, path);
  const object = objectAt(value, at);
  integerAt(object.get('length'), 0, inside(at, 'length'));
  parseHashes(object.get('hashes'), inside(at, 'hashes'));
  checkCount(sizeOf(object.get('custom') ?? null), limits.maxCustomSize, 'characters', inside(at, 'custom'));
}
