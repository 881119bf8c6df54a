import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadPublicKey } from '../src/metadata/crypto.ts';
import { parseEnvelope } from '../src/metadata/envelope.ts';
import { isJsonObject, parseJson } from '../src/metadata/json.ts';
import { hasHashedId, parseKeySet } from '../src/metadata/keys.ts';
import { documentLimits } from '../src/metadata/limits.ts';
import { parseTimestamp } from '../src/metadata/timestamp.ts';
import { generatePrivateKey, keyTypes, signingKeyOf } from '../src/signer/keys/signing-key.ts';
import { defaultLimits } from '../src/trust/limits.ts';
import { requireThreshold } from '../src/trust/threshold.ts';
import { ownManifestMembers, ownReleaseMembers } from '../src/waves/own-members.ts';
import { keyKinds, signingKey } from './support/signing-keys.ts';

const page = readFileSync(join(dirname(import.meta.dirname), 'docs', 'pouf.md'), 'utf8');

/** The cells of every table row whose first cell is code. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll(/^`|`$/g, '')),
  );

/** A row of the table of the manifest's members. */
const isManifestMember = ([, where = '']: readonly string[]): boolean =>
  /^(a release|the manifest)/.test(where);

describe('SPEC-79: the page of the wire format', () => {
  it('lists the limits of a reader, each with its default, and no others', () => {
    const limits = rows.filter((row) => row.length === 3 && !isManifestMember(row));
    const listed = limits.map(([name, value]) => [name, Number(value)]);
    assert.deepEqual(Object.fromEntries(listed), { ...defaultLimits });
    assert.equal(listed.length, Object.keys(defaultLimits).length);
  });

  it('lists the keys that are read, and marks those that are written', async () => {
    const listed = rows.filter((row) => row.length === 5);
    const read = new Set(keyKinds.map((kind) => signingKey('reader', kind).json));
    const pair = ({ keytype, scheme }: { keytype: string; scheme: string }): string => `${keytype} ${scheme}`;
    assert.deepEqual(
      new Set(listed.map(([type, scheme]) => `${type} ${scheme}`)),
      new Set([...read].map(pair)),
    );
    for (const [type = '', scheme = ''] of listed) {
      const key = loadPublicKey(type, scheme, '');
      assert.match('unusable' in key ? key.unusable : '', /neither PEM nor hexadecimal/, `${type} ${scheme}`);
    }
    const written = await Promise.all(
      keyTypes.map(async (type) => signingKeyOf(await generatePrivateKey(type), 'example').json),
    );
    assert.deepEqual(
      new Set(listed.filter((row) => row[4] !== 'no').map(([type, scheme]) => `${type} ${scheme}`)),
      new Set(written.map((json) => `${json.get('keytype')} ${json.get('scheme')}`)),
    );
  });

  it('lists the members of a manifest that are ours, and no others', () => {
    const listed = new Set(
      Array.from(
        page.matchAll(/^\| `(\w+)` \| (a release|the manifest)/gm),
        ([, name, where]) => `${where} ${name}`,
      ),
    );
    const ours = [
      ...ownReleaseMembers.map((name) => `a release ${name}`),
      ...ownManifestMembers.map((name) => `the manifest ${name}`),
    ];
    assert.deepEqual(listed, new Set(ours));
  });

  it('shows a timestamp that its key verifies', () => {
    const [keyText = '', file = ''] = Array.from(page.matchAll(/```json\n(.*?)```/gs), ([, block]) => block);
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    const json = parseJson(bytes(keyText), documentLimits, 'example');
    assert.ok(isJsonObject(json));
    const keys = parseKeySet(json, documentLimits, { file: 'example', path: 'keys' });
    assert.ok([...keys.values()].every(hasHashedId));
    const envelope = parseEnvelope(bytes(file), documentLimits, 'timestamp.json');
    requireThreshold(envelope, { keyIds: [...keys.keys()], threshold: 1 }, keys, 'its key');
    assert.equal(parseTimestamp(envelope).snapshot.version, 7);
    assert.equal(parseTimestamp(envelope).repository, 'example/os');
  });
});
