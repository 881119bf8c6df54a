/**
 * manifest.json, the target that lists the releases: Bottlerocket's format (update_metadata), read and written.
 *
 * The reader:
 * 1. takes strict JSON within the limits of limits.ts; no fractions, no member twice.
 * 2. wants every member that updog wants, and every version strict SemVer.
 * 3. takes any unsigned 32-bit wave key, each once, with times that do not fall from key to key.
 * 4. refuses a variant, architecture and version that stands twice: a host could not tell the two apart.
 * 5. keeps members it does not know, and drops `datastore_versions`, which no reader has used since 2020.
 *
 * What Bottlerocket has no word for stands in one member, `tidegate`, which updog skips (own-members.ts).
 *
 * The writer writes what updog reads, and puts its bytes before the reader above before it lets them go.
 */
import { TidegateError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../metadata/json.ts';
import { formatJson } from '../metadata/json-writer.ts';
import { manifestJsonLimits, maxManifestBytes } from './limits.ts';
import { arrayOf, manifestInvalid, objectOf, textOf, unknownMembers, versionOf } from './manifest-fields.ts';
import { type Migration, migrationKey, readMigrationKey } from './migrations.ts';
import {
  ownManifestMembers,
  ownMembersJson,
  ownReleaseMembers,
  parseOwnMembers,
  parseWaves,
  parseWithdrawn,
  wavesJson,
  withdrawnJson,
} from './own-members.ts';
import {
  type Images,
  imageLayouts,
  type Manifest,
  type Release,
  releaseKey,
  releaseName,
} from './release.ts';
import { readVersion } from './version.ts';

const manifestMembers = ['updates', 'migrations', 'datastore_versions', 'tidegate'];
const updateMembers = ['variant', 'arch', 'version', 'max_version', 'waves', 'images', 'tidegate'];

/**
 * @throws length-limit, json-invalid, count-limit; manifest-invalid naming the member
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > maxManifestBytes) {
    throw new TidegateError(
      'length-limit',
      `manifest.json: found ${bytes.length} bytes, expected at most ${maxManifestBytes}`,
      { file: 'manifest.json', found: bytes.length, limit: maxManifestBytes },
    );
  }
  const document = objectOf(parseJson(bytes, manifestJsonLimits, 'manifest.json'), 'document');
  const updates = arrayOf(document.get('updates'), 'updates').map(parseUpdate);
  refuseTwins(updates);
  const migrations = parseMigrations(objectOf(document.get('migrations'), 'migrations'));
  const unknown = unknownMembers(document, manifestMembers);
  const own = document.has('tidegate') ? objectOf(document.get('tidegate'), 'tidegate') : new Map();
  const unknownOwn = unknownMembers(own, ownManifestMembers);
  if (unknownOwn.size > 0) unknown.set('tidegate', unknownOwn);
  const withdrawn = own.has('withdrawn') && parseWithdrawn(own.get('withdrawn'), 'tidegate.withdrawn');
  return { updates, migrations, ...(withdrawn && { withdrawn }), ...(unknown.size > 0 && { unknown }) };
}

/**
 * The bytes of a manifest that updog reads (as long as no release has the layout `single`): members in upstream's
 * order, wave keys ascending, two spaces, a newline at the end.
 *
 * @throws manifest-invalid when the manifest holds something that no reader may believe
 */
export function formatManifest(manifest: Manifest): Uint8Array {
  const unknown: JsonObject = manifest.unknown ?? new Map();
  const unknownOwn = unknown.get('tidegate');
  const own = new Map(isJsonObject(unknownOwn) ? unknownOwn : []);
  if (manifest.withdrawn !== undefined) own.set('withdrawn', withdrawnJson(manifest.withdrawn));
  const document = new Map<string, JsonValue>([
    ['updates', manifest.updates.map(updateJson)],
    ['migrations', new Map(manifest.migrations.map((hop) => [migrationKey(hop), hop.targets]))],
    ...(own.size > 0 ? ([['tidegate', own]] as const) : []),
    ...unknownMembers(unknown, manifestMembers),
  ]);
  const bytes = new TextEncoder().encode(formatJson(document));
  const written = parseManifest(bytes);
  if (written.migrations.length !== manifest.migrations.length) {
    throw manifestInvalid('migrations', undefined, 'each pair of versions once');
  }
  return bytes;
}

function parseUpdate(value: JsonValue, index: number): Release {
  const where = `updates[${index}]`;
  const update = objectOf(value, where);
  const waves = parseWaves(update.get('waves'), `${where}.waves`);
  const own = update.has('tidegate') ? objectOf(update.get('tidegate'), `${where}.tidegate`) : new Map();
  const unknown = unknownMembers(update, updateMembers);
  const unknownOwn = unknownMembers(own, ownReleaseMembers);
  if (unknownOwn.size > 0) unknown.set('tidegate', unknownOwn);
  return {
    variant: textOf(update.get('variant'), `${where}.variant`),
    arch: textOf(update.get('arch'), `${where}.arch`),
    version: versionOf(update.get('version'), `${where}.version`),
    maxVersion: versionOf(update.get('max_version'), `${where}.max_version`),
    waves,
    images: parseImages(update.get('images'), `${where}.images`),
    ...parseOwnMembers(own, waves, `${where}.tidegate`),
    ...(unknown.size > 0 && { unknown }),
  };
}

function parseImages(value: JsonValue | undefined, where: string): Images {
  const images = objectOf(value, where);
  const kinds = images.has('image') ? imageLayouts.single : imageLayouts.bottlerocket;
  const [extra] = unknownMembers(images, kinds).keys();
  if (extra !== undefined) throw manifestInvalid(where, extra, `exactly ${kinds.join(', ')}`);
  return Object.fromEntries(kinds.map((kind) => [kind, textOf(images.get(kind), `${where}.${kind}`)]));
}

function refuseTwins(updates: readonly Release[]): void {
  const seen = new Map<string, number>();
  for (const [index, release] of updates.entries()) {
    const key = releaseKey(release);
    const first = seen.get(key);
    if (first !== undefined) {
      throw manifestInvalid(
        `updates[${index}]`,
        releaseName(release),
        `it once, but updates[${first}] is the same`,
      );
    }
    seen.set(key, index);
  }
}

function parseMigrations(object: JsonObject): readonly Migration[] {
  const seen = new Set<string>();
  return Array.from(object, ([key, value]) => {
    const where = `migrations[${JSON.stringify(key)}]`;
    const pair = readMigrationKey(key);
    if (pair === undefined) throw manifestInvalid('migrations', key, 'keys such as "(1.2.0, 1.3.0)"');
    const hop = JSON.stringify([readVersion(pair.from)?.version, readVersion(pair.to)?.version]);
    if (seen.has(hop)) throw manifestInvalid(where, key, 'each pair of versions once');
    seen.add(hop);
    const targets = arrayOf(value, where).map((name, index) => textOf(name, `${where}[${index}]`));
    return { ...pair, targets };
  });
}

function updateJson(release: Release, index: number): JsonObject {
  const where = `updates[${index}]`;
  const unknown: JsonObject = release.unknown ?? new Map();
  const unknownOwn = unknown.get('tidegate');
  const own = new Map([...(isJsonObject(unknownOwn) ? unknownOwn : []), ...ownMembersJson(release, where)]);
  return new Map<string, JsonValue>([
    ['variant', release.variant],
    ['arch', release.arch],
    ['version', release.version],
    ['max_version', release.maxVersion],
    ['waves', wavesJson(release.waves, `${where}.waves`)],
    ['images', new Map(Object.entries(release.images))],
    ...(own.size > 0 ? ([['tidegate', own]] as const) : []),
    ...unknownMembers(unknown, updateMembers),
  ]);
}
