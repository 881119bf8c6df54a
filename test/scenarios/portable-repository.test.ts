/** What we write is read by everybody: a lint of the portable profile over whole repositories, and tuf-js as a reader. */
import assert from 'node:assert/strict';
import { Metadata, MetadataKind } from '@tufjs/models';
import { canonicalBytes } from '../../src/metadata/canonical.ts';
import { digestOf } from '../../src/metadata/crypto.ts';
import { parseJson } from '../../src/metadata/json.ts';
import { keyTypes } from '../../src/signer/keys/signing-key.ts';
import { refreshRepositories } from '../../src/signer/refresh.ts';
import { addRelease } from '../../src/signer/release/add-release.ts';
import type { Workspace } from '../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import { readByTufJs } from '../support/tuf-js-reader.ts';
import {
  day,
  open,
  planAndPublish,
  putFile,
  unlock,
  type WorkspaceKind,
  workspaceDisk,
} from '../support/workspace.ts';

interface Document {
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
  readonly signed: { readonly [member: string]: unknown } & { readonly _type: string };
}

const limits = { maxDepth: 20, maxValues: 9999, maxDigits: 16 };

/** A repository of two releases, refreshed once, so that every kind of document was written anew and rewritten. */
async function repository(
  kind: WorkspaceKind,
  now: number,
): Promise<{ workspace: Workspace; store: MemoryStore }> {
  const store = new MemoryStore();
  const workspace = await open(await workspaceDisk(kind), store);
  for (const [turn, version] of ['1.0.0', '1.1.0-rc.1+build.7'].entries()) {
    const kinds = kind.template === 'bottlerocket' ? ['boot', 'root', 'hash'] : ['image'];
    const images: Record<string, string> = {};
    for (const name of kinds) {
      images[name] = await putFile(
        workspace.fileSystem,
        `/images/${name}-${version}.lz4`,
        `${name} of ${version}`,
      );
    }
    await addRelease(workspace, { version, images, ...(turn === 1 && { startTime: now }) });
    await planAndPublish(workspace, now - 15 * day + turn);
  }
  await refreshRepositories(workspace, { now, unlock });
  return { workspace, store };
}

async function documentsOf(
  store: MemoryStore,
): Promise<ReadonlyMap<string, { document: Document; text: string }>> {
  const found = new Map<string, { document: Document; text: string }>();
  for await (const { name } of store.list()) {
    // Images are no documents, and what publishers note for each other is nothing that hosts read.
    if (/^(targets|\.publish)\//.test(name)) continue;
    const text = Buffer.from((await store.read(name, 1_000_000))?.bytes ?? []).toString();
    found.set(name, { document: JSON.parse(text), text });
  }
  return found;
}

/** Every member name and text of a document. */
function walk(value: unknown, visit: (value: unknown, name: string) => void, name = ''): void {
  visit(value, name);
  if (typeof value !== 'object' || value === null) return;
  for (const [member, inner] of Object.entries(value)) walk(inner, visit, member);
}

function lintEnvelope(name: string, { signatures, signed }: Document, text: string): void {
  assert.deepEqual(Object.keys(JSON.parse(text)).toSorted(), ['signatures', 'signed'], name);
  assert.ok(!text.startsWith('\ufeff') && text.endsWith('}\n'), name);
  assert.equal(signed.spec_version, '1.0.0', name);
  assert.match(String(signed.expires), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, name);
  assert.ok(Number.isSafeInteger(signed.version) && Number(signed.version) >= 1, name);
  assert.equal(signed['x-tidegate-repository'], 'example/os', name);
  assert.ok(signatures.length > 0, name);
  const ids = signatures.map(({ keyid }) => keyid);
  assert.equal(new Set(ids).size, ids.length, name);
  for (const { keyid, sig } of signatures)
    assert.match(`${keyid} ${sig}`, /^[0-9a-f]{64} (?:[0-9a-f]{2})+$/, name);
  walk(signed, (value, member) => {
    assert.ok(value !== null, `${name}: ${member} is null`);
    if (typeof value === 'number') assert.ok(Number.isSafeInteger(value), `${name}: ${member}`);
    if (typeof value === 'string') assert.equal(value, value.normalize('NFC'), `${name}: ${member}`);
    if (typeof value === 'object' && member !== 'targets')
      assert.ok(Object.keys(value).length > 0, `${name}: ${member} is empty`);
  });
}

type Role = { readonly keyids: readonly string[]; readonly threshold: number };

function lintRoot(name: string, { signed }: Document): void {
  const { roles, keys, consistent_snapshot } = signed as unknown as {
    roles: Record<string, Role>;
    keys: Record<string, { keytype: string; scheme: string; keyval: { public: string } }>;
    consistent_snapshot: boolean;
  };
  assert.equal(consistent_snapshot, true, name);
  assert.deepEqual(Object.keys(roles).toSorted(), ['root', 'snapshot', 'targets', 'timestamp'], name);
  for (const { keyids, threshold } of Object.values(roles)) {
    assert.ok(threshold >= 1 && threshold <= keyids.length && new Set(keyids).size === keyids.length, name);
    for (const id of keyids) assert.ok(id in keys, name);
  }
  const known = ['ed25519 ed25519', 'ecdsa-sha2-nistp256 ecdsa-sha2-nistp256', 'rsa rsassa-pss-sha256'];
  for (const [id, key] of Object.entries(keys)) {
    assert.ok(known.includes(`${key.keytype} ${key.scheme}`), name);
    assert.deepEqual(Object.keys(key).toSorted(), ['keytype', 'keyval', 'scheme'], name);
    const json = parseJson(Buffer.from(JSON.stringify(key)), limits, name);
    assert.equal(id, digestOf('sha256', canonicalBytes(json)), name);
    const form =
      key.keytype === 'ed25519'
        ? /^[0-9a-f]{64}$/
        : /^-----BEGIN PUBLIC KEY-----\n.*\n-----END PUBLIC KEY-----\n$/s;
    assert.match(key.keyval.public, form, name);
  }
}

type Meta = {
  readonly version: number;
  readonly length: number;
  readonly hashes: { readonly sha256: string };
};

function lintListing(
  name: string,
  folder: string,
  { signed }: Document,
  files: ReadonlyMap<string, { text: string }>,
): void {
  const meta = Object.entries(signed.meta as Record<string, Meta>);
  assert.deepEqual(
    meta.map(([entry]) => entry),
    [signed._type === 'timestamp' ? 'snapshot.json' : 'targets.json'],
    name,
  );
  for (const [entry, { version, length, hashes, ...rest }] of meta) {
    assert.deepEqual([Object.keys(hashes), Object.keys(rest)], [['sha256'], []], name);
    const text = files.get(`${folder}/${version}.${entry}`)?.text ?? '';
    assert.deepEqual(
      [Buffer.byteLength(text), digestOf('sha256', text)],
      [length, hashes.sha256],
      `${name}: ${entry}`,
    );
  }
}

async function lintTargets(name: string, { signed }: Document, store: MemoryStore): Promise<void> {
  assert.ok(!('delegations' in signed), name);
  for (const [path, target] of Object.entries(signed.targets as Record<string, Meta>)) {
    assert.match(path, /^[A-Za-z0-9][A-Za-z0-9._+-]*$/, name);
    assert.deepEqual(Object.keys(target).toSorted(), ['hashes', 'length'], name);
    assert.deepEqual(Object.keys(target.hashes), ['sha256'], name);
    const file = await store.read(`targets/${target.hashes.sha256}.${path}`, 1_000_000);
    assert.equal(digestOf('sha256', file?.bytes ?? ''), target.hashes.sha256, path);
    assert.equal(file?.bytes.byteLength, target.length, path);
  }
}

describe('a portable repository', () => {
  const now = Date.now();
  const kinds: readonly WorkspaceKind[] = [
    ...keyTypes.map((keyType) => ({ template: 'single' as const, keyType })),
    { template: 'bottlerocket', variants: { demo: ['x86_64'] } },
  ];

  for (const kind of kinds) {
    const title = `${kind.template}, ${kind.keyType ?? 'ed25519'}`;
    const folder = kind.template === 'single' ? 'metadata' : 'demo/x86_64';
    const image = `${kind.template === 'single' ? 'image' : 'root'}-1.1.0-rc.1+build.7.lz4`;
    let made: Awaited<ReturnType<typeof repository>> | undefined;
    const get = async () => (made ??= await repository(kind, now));

    it(`SPEC-5, SPEC-8, SPEC-13, SPEC-16, SPEC-20, SPEC-37, SPEC-38, SPEC-84, SPEC-86, SPEC-87, SPEC-88, SPEC-91, SPEC-92: keeps the portable profile: ${title}`, async () => {
      const { store } = await get();
      const files = await documentsOf(store);
      const types = new Set<string>();
      for (const [name, { document, text }] of files) {
        types.add(document.signed._type);
        lintEnvelope(name, document, text);
        if (document.signed._type === 'root') lintRoot(name, document);
        else if (document.signed._type === 'targets') await lintTargets(name, document, store);
        else lintListing(name, folder, document, files);
      }
      assert.deepEqual([...types].toSorted(), ['root', 'snapshot', 'targets', 'timestamp']);
      assert.deepEqual(
        [...files.keys()].filter((name) => /\/(?!\d+\.|timestamp)/.test(name.slice(name.lastIndexOf('/')))),
        [],
      );
    });

    it(`is read by tuf-js, up to the last byte of an image: ${title}`, async () => {
      const { workspace, store } = await get();
      const text = await readByTufJs(workspace, store, folder, image);
      assert.equal(text, `${image.split('-')[0]} of 1.1.0-rc.1+build.7`);
      const manifest = JSON.parse(await readByTufJs(workspace, store, folder, 'manifest.json'));
      assert.equal(manifest.updates.length, 2);
    });

    it(`is verified by @tufjs/models, which prints the same: ${title}`, async () => {
      const { store } = await get();
      const files = await documentsOf(store);
      const root = Metadata.fromJSON(
        MetadataKind.Root,
        files.get(`${folder}/1.root.json`)?.document as never,
      );
      for (const [name, { document }] of files) {
        const type = document.signed._type as 'root' | 'targets' | 'snapshot' | 'timestamp';
        const kindOf = {
          root: MetadataKind.Root,
          targets: MetadataKind.Targets,
          snapshot: MetadataKind.Snapshot,
          timestamp: MetadataKind.Timestamp,
        };
        const metadata = Metadata.fromJSON(kindOf[type] as MetadataKind.Targets, document as never);
        root.verifyDelegate(type, metadata);
        assert.deepEqual(JSON.parse(JSON.stringify(metadata.toJSON())), document, name);
      }
    });
  }
});
