import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
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
import { commandLine } from './support/command-line.ts';
import { keyKinds, signingKey } from './support/signing-keys.ts';

const page = readFileSync(join(dirname(import.meta.dirname), 'docs', 'pouf.md'), 'utf8');

/** The cells of every table row whose first cell is code. */
const rows = page
  .split('\n')
  .filter((line) => /^\| (`|an entry of |a key )/.test(line))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll(/^`|`$/g, '')),
  );

/** A row of the table of the manifest's members. */
const isManifestMember = ([, where = '']: readonly string[]): boolean =>
  /^(a release|the manifest)/.test(where);

type Members = { readonly [member: string]: unknown };

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Members by code point, at every level. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isMembers(value)) return value;
  const names = Object.keys(value).sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
  return Object.fromEntries(names.map((name) => [name, sorted(value[name])]));
}

/** What of the table of what is written stands in a file, with the names of the members that are there. */
function kindsIn({ signatures, signed }: Members): readonly (readonly [kind: string, members: string])[] {
  const kinds: [string, string][] = [];
  const add = (kind: string, found: unknown): void => {
    assert.ok(isMembers(found), kind);
    kinds.push([kind, Object.keys(found).join(' ')]);
  };
  const all = (kind: string, found: unknown): void =>
    Object.values(isMembers(found) || Array.isArray(found) ? found : {}).forEach((one) => {
      add(kind, one);
      if (isMembers(one) && one.hashes !== undefined) add('hashes', one.hashes);
    });
  assert.ok(isMembers(signed));
  add(String(signed._type), signed);
  all('an entry of signatures', signatures);
  all('an entry of meta', signed.meta);
  all('an entry of targets', signed.targets);
  all('a key', signed.keys);
  const { delegations } = signed;
  if (!isMembers(delegations)) return kinds;
  add('delegations', delegations);
  all('a key', delegations.keys);
  all('an entry of its roles', delegations.roles);
  return kinds;
}

/** Each row of that table, with its members in brackets and without. */
function statedMembers(): ReadonlySet<string> {
  const stated = new Set<string>();
  for (const [first = '', cell = ''] of rows.filter(({ length }) => length === 2)) {
    const members = cell.replaceAll('`', '').replace(/;.*/, '');
    for (const kind of first
      .replaceAll('`', '')
      .replace(/ and .*/, '')
      .split(', ')) {
      stated.add(`${kind}: ${members.replaceAll(/[[\]]/g, '')}`);
      stated.add(`${kind}: ${members.replaceAll(/\[\S+\] ?/g, '')}`);
    }
  }
  return stated;
}

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

  it('says of every file what the command line writes, byte by byte', async () => {
    const session = commandLine();
    const inFolder = (name: string): string => join(session.directory, name);
    const type = async (line: string): Promise<void> => {
      const { status, beside } = await session.type(line);
      assert.equal(status, 0, `${line}: ${beside}`);
    };
    try {
      await type('init acme --insecure-development-keys --variant demo/x86_64');
      session.environment.TIDEGATE_WORKSPACE = 'acme';
      await type('key new dora --insecure-development-keys');
      await type('delegate add firmware --keys dora --paths fw-*');
      writeFileSync(inFolder('custom.json'), '{"b":{"c":[2,1],"a":true},"a":"\u00e9\u2028"}');
      writeFileSync(inFolder('fw-1.bin'), 'firmware');
      await type('target add fw-1.bin --role firmware --custom @custom.json');
      await type('publish');
      const found = new Set<string>();
      const metadata = inFolder('acme/repository/metadata');
      for (const name of readdirSync(metadata)) {
        const text = readFileSync(join(metadata, name), 'utf8');
        const file = JSON.parse(text) as Members;
        assert.equal(text, `${JSON.stringify(sorted(file), null, 2)}\n`, name);
        for (const [kind, members] of kindsIn(file)) found.add(`${kind}: ${members}`);
      }
      assert.deepEqual(found, statedMembers());
      const folders = readdirSync(inFolder('acme/repository')).filter((name) => name !== '.tidegate-lock');
      assert.deepEqual(folders.sort(), ['.publish', 'metadata', 'targets']);
    } finally {
      session.end();
    }
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
