/** Targets: their names, hashes and custom data, and where their bytes must lie for every client to find them. */
import { digestLength, hashAlgorithms } from '../../../metadata/crypto.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../metadata/json.ts';
import { isTargetPath } from '../../../metadata/target-path.ts';
import { shown } from './documents.ts';
import {
  below,
  each,
  everyPeer,
  finding,
  membersOf,
  type Peer,
  type ProfileFinding,
  type Spot,
  type Stumbles,
  textOf,
} from './finding.ts';

/** Names below the targets folder that exist; undefined: it is not known what exists. */
export type TargetFiles = { has(name: string): boolean } | undefined;

const manyTargets = 1000;

export function* targetsFindings(
  signed: JsonObject,
  spot: Spot,
  files: TargetFiles,
): Generator<ProfileFinding, void> {
  const targets = membersOf(signed.get('targets'));
  const at = below(spot, 'targets');
  if (targets.size > manyTargets) yield finding('target-count', at, `${targets.size} targets`, {});
  for (const [path, value] of targets) {
    const target = membersOf(value);
    if (isPlainTarget(path, target, files)) continue;
    const place = below(at, path);
    yield* nameFindings(path, place);
    yield* hashFindings(membersOf(target.get('hashes')), below(place, 'hashes'));
    yield* copyFindings(path, membersOf(target.get('hashes')), place, files);
    if (target.has('custom')) yield* customFindings(target.get('custom'), below(place, 'custom'));
  }
}

/** The common case, without making anything: a role may list a hundred thousand. */
function isPlainTarget(path: string, target: JsonObject, files: TargetFiles): boolean {
  const hashes = target.get('hashes');
  if (!plainName.test(path) || target.has('custom') || !isJsonObject(hashes) || hashes.size !== 1)
    return false;
  const sha256 = textOf(hashes.get('sha256'));
  return plainDigest.test(sha256) && (files === undefined || files.has(`${sha256}.${path}`));
}

const plainDigest = /^[0-9a-f]{64}$/;
const plainName = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/;
const encodedDifferently = /[^\u0021-\u007e]|[%?#]/;

function* nameFindings(path: string, spot: Spot): Generator<ProfileFinding, void> {
  if (path.split('/').every((segment) => plainName.test(segment))) return;
  let stumbles: Stumbles = {};
  if (!isTargetPath(path)) stumbles = everyPeer('refuses the name or leaves its folder');
  else if (encodedDifferently.test(path)) stumbles = everyPeer('may ask for another address than is served');
  yield finding('target-name', spot, `the name "${path}"`, stumbles);
}

const readers: readonly Peer[] = ['tuf-js', 'python-tuf', 'go-tuf'];

function* hashFindings(hashes: JsonObject, spot: Spot): Generator<ProfileFinding, void> {
  if (!hashes.has('sha256'))
    yield finding('target-hashes', spot, 'without a SHA-256', {
      tough: 'refuses a target without a SHA-256',
    });
  for (const [name, value] of hashes) {
    const known = hashAlgorithms.find((algorithm) => algorithm === name);
    if (known === undefined) {
      const who: readonly Peer[] = name === 'blake2b512' ? ['go-tuf'] : readers;
      yield finding(
        'target-hashes',
        below(spot, name),
        'an algorithm of few clients',
        each(who, 'does not know it'),
      );
    } else if (!new RegExp(`^[0-9a-f]{${digestLength[known]}}$`).test(textOf(value)))
      yield finding(
        'target-hashes',
        below(spot, name),
        shown(value),
        each(readers, 'compares in lower case'),
      );
  }
}

/**
 * Clients choose one of several hashes, each its own way, and put it before the last segment of the name or, tough
 * alone, before the first.
 */
function* copyFindings(
  path: string,
  hashes: JsonObject,
  spot: Spot,
  files: TargetFiles,
): Generator<ProfileFinding, void> {
  const slash = path.lastIndexOf('/') + 1;
  const named = (hash: string): string => `${path.slice(0, slash)}${hash}.${path.slice(slash)}`;
  const listed = [...hashes.values()].map(textOf);
  const sha256 = textOf(hashes.get('sha256')).toLowerCase();
  // Without a look at the folder, the specification's own place is taken for granted.
  const exists = (name: string): boolean => files?.has(name) ?? (slash === 0 || name !== `${sha256}.${path}`);
  const lacks = (name: string): string => `asks for ${name}, which is not there`;
  const [first = ''] = listed;
  const missing = listed.find((hash) => !exists(named(hash)));
  const stumbles: Stumbles = {
    ...(!exists(named(first)) && each(['tuf-js', 'python-tuf'], lacks(named(first)))),
    ...(missing !== undefined && {
      'go-tuf': `before September 2026 may ask for ${named(missing)}, which is not there`,
    }),
    ...(sha256 !== '' && !exists(`${sha256}.${path}`) && { tough: lacks(`${sha256}.${path}`) }),
  };
  if (Object.keys(stumbles).length > 0) yield finding('target-copies', spot, 'not at every place', stumbles);
}

function* customFindings(custom: JsonValue | undefined, spot: Spot): Generator<ProfileFinding, void> {
  if (isJsonObject(custom) && custom.size > 0) return;
  const stumbles = {
    ...(custom === null && { 'go-tuf': 'leaves it out and then finds the signature wrong' }),
    tough: isJsonObject(custom)
      ? 'leaves it out and then finds the signature wrong'
      : 'reads an object alone',
  };
  yield finding('custom', spot, shown(custom), stumbles);
}
