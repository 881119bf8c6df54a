/** Whatever the signer is asked to write: it is portable, or it is refused. */
import assert from 'node:assert/strict';
import { constants, sign } from 'node:crypto';
import { isTidegateError } from '../../../src/errors.ts';
import { isJsonObject, type JsonObject, parseJson } from '../../../src/metadata/json.ts';
import { formatJson, jsonOf } from '../../../src/metadata/json-writer.ts';
import { documentLimits } from '../../../src/metadata/limits.ts';
import { itemsOf, membersOf, textOf } from '../../../src/signer/audit/profile/finding.ts';
import { lintFiles } from '../../../src/signer/audit/profile.ts';
import { refuseUnportable } from '../../../src/signer/audit/written-document.ts';
import { signatureOf } from '../../../src/signer/keys/signing-key.ts';
import {
  rootDocument,
  snapshotDocument,
  targetsDocument,
  timestampDocument,
} from '../../../src/signer/publication/documents.ts';
import { type MatrixRow, matrix } from '../../support/peer-matrix.ts';
import { RepositorySimulator } from '../../support/repository-simulator.ts';
import { signingKey } from '../../support/signing-keys.ts';

const head = { repository: 'example/os', version: 7, expires: Date.UTC(2030, 0, 1) };

/** The signed parts that a row of the matrix holds; those that are no JSON to us are left out. */
function documentsOf({ build }: MatrixRow): readonly JsonObject[] {
  const repository = new RepositorySimulator({ name: 'matrix' });
  build(repository);
  return [...repository.files.values()].flatMap((bytes) => {
    try {
      return [membersOf(membersOf(parseJson(bytes, documentLimits, 'row')).get('signed'))];
    } catch (error) {
      assert.ok(isTidegateError(error, 'json-invalid'));
      return [];
    }
  });
}

/** The pieces of a document, put together by the signer. */
function writtenFrom(signed: JsonObject): JsonObject | undefined {
  const type = textOf(signed.get('_type'));
  const delegations = signed.get('delegations');
  if (type === 'targets')
    return targetsDocument(
      head,
      membersOf(signed.get('targets')),
      isJsonObject(delegations) ? delegations : undefined,
    );
  if (type === 'snapshot') return snapshotDocument(head, { version: 3, bytes: new Uint8Array(3) });
  const snapshot = membersOf(signed.get('meta')).get('snapshot.json');
  if (type === 'timestamp') return timestampDocument(head, snapshot ?? null);
  const keys = new Map([...membersOf(signed.get('keys'))].map(([id, key]) => [id, membersOf(key)]));
  const roleOf = (role: string) => {
    const { keyids, threshold } = Object.fromEntries(membersOf(membersOf(signed.get('roles')).get(role)));
    return { keyIds: itemsOf(keyids).map(textOf), threshold: Number(threshold) };
  };
  const roles = {
    root: roleOf('root'),
    timestamp: roleOf('timestamp'),
    snapshot: roleOf('snapshot'),
    targets: roleOf('targets'),
  };
  return rootDocument(head, keys, roles);
}

function lint(signed: JsonObject) {
  const bytes = Buffer.from(
    formatJson(
      new Map<string, JsonObject | readonly []>([
        ['signatures', []],
        ['signed', signed],
      ]),
    ),
  );
  return lintFiles([{ name: 'written', role: textOf(signed.get('_type')), bytes }], { profile: 'portable' });
}

describe('what the signer writes', () => {
  const refused = new Set<string>();
  for (const row of matrix) {
    it(`SPEC-11, SPEC-31: is portable or refused: ${row.name}`, () => {
      for (const signed of documentsOf(row)) {
        try {
          const written = writtenFrom(signed);
          assert.deepEqual(written && lint(written), []);
        } catch (error) {
          if (!isTidegateError(error, 'document-invalid')) throw error;
          refused.add(row.name);
        }
      }
    });
  }

  it('SPEC-23, SPEC-27, SPEC-29, SPEC-32: is refused where a red row could only be written as it is', () => {
    const expected = [
      'custom {}',
      'custom null',
      'custom string',
      'custom 2^53+1',
      'custom 2^64',
      'custom NFD string',
      'custom astral keys',
      'delegations {keys:{}} no roles',
      'sha512 only',
      'hash uppercase',
      'target name space',
      'target name utf8',
      'keyid random hex (TAP12)',
      'key extra field, id over plain',
      'unused unknown keytype in root',
      'unused p384 key in root',
      'p256 keytype ecdsa PEM',
      'p256 hex point',
      'p521 keytype ecdsa',
      'ed25519 PEM public',
      'deleg no terminating',
      'deleg extra field in role',
      'deleg extra field in delegations',
      'deleg path_hash_prefixes',
      'deleg succinct',
      'deleg role name with slash',
      'deleg pattern {img,x}.bin',
      'deleg pattern [!a]mg.bin',
      'deleg paths []',
      'extra hash blake2b-256',
      'timestamp meta version only',
      'role lists a keyid without key',
      'duplicate keyid in a role',
    ];
    assert.deepEqual(
      expected.filter((name) => !refused.has(name)),
      [],
    );
    // Two copies of each would do; the signer writes one, and so names have no folders.
    const withFolders = /both placements$/;
    for (const name of refused) {
      if (withFolders.test(name)) continue;
      const row = matrix.find((one) => one.name === name);
      assert.ok(row !== undefined && /NO|nf/.test(row.verdicts), `${name} is read by all and was refused`);
    }
  });

  it('names the member and the client that would stumble', () => {
    const targets = jsonOf({ 'a.img': { length: 1, hashes: { sha256: 'ab'.repeat(32) }, custom: {} } });
    assert.throws(() => targetsDocument(head, membersOf(targets)), {
      code: 'document-invalid',
      message: /targets: signed\.targets\.a\.img\.custom is an empty object: tough leaves it out/,
    });
  });

  it('keeps what was there before as others made it, and adds nothing of the kind', () => {
    const entry = (custom: object) => ({ length: 1, hashes: { sha256: 'ab'.repeat(32) }, custom });
    const role = (name: string) => ({ name, keyids: [], threshold: 1, terminating: false, paths: [] });
    const document = (targets: object, roles: readonly object[]) =>
      membersOf(
        jsonOf({
          _type: 'targets',
          spec_version: '1.0.0',
          version: 1,
          expires: '2030-01-01T00:00:00Z',
          targets: targets as never,
          delegations: { keys: {}, roles: roles as never },
        }),
      );
    const before = document({ old: entry({}) }, [role('one')]);
    refuseUnportable(
      document({ old: entry({}), fresh: entry({ a: 1 }) }, [{ ...role('new'), paths: ['x'] }, role('one')]),
      before,
    );
    assert.throws(
      () => refuseUnportable(document({ old: entry({}), fresh: entry({}) }, [role('one')]), before),
      {
        code: 'document-invalid',
        message: /targets\.fresh/,
      },
    );
    assert.throws(() => refuseUnportable(before, undefined), { code: 'document-invalid' });
  });

  it('SPEC-11: holds no signature with a salt that one client refuses, whoever made it', async () => {
    const { id, json, privateKey } = signingKey('salted', 'rsa sha256');
    const key = (saltLength: number) => ({
      id,
      json: membersOf(jsonOf(json as never)),
      sign: async (message: Uint8Array) =>
        new Uint8Array(
          sign('sha256', message, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }),
        ),
    });
    assert.match(await signatureOf(key(32), new Uint8Array(9), 'token'), /^[0-9a-f]{512}$/);
    await assert.rejects(signatureOf(key(222), new Uint8Array(9), 'token'), {
      code: 'key-unusable',
      message: /salt/,
    });
  });
});
