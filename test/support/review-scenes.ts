/** One request of each kind that people review. Dates, keys and names are fixed, so that reviews can be compared by text. */
import { digestOf } from '../../src/metadata/crypto.ts';
import type { Plain } from '../../src/metadata/json-writer.ts';
import { signRequest } from '../../src/signer/ceremony/sign-request.ts';
import type { SigningRequest } from '../../src/signer/ceremony/signing-request.ts';
import { formatManifest } from '../../src/waves/manifest.ts';
import type { Manifest, Release } from '../../src/waves/release.ts';
import {
  board,
  delegationsJson,
  keyOf,
  ownersOf,
  requestFor,
  rootJson,
  signed,
  targetsJson,
} from './ceremony.ts';

const owners = ownersOf(['alice', 'bob', 'carol', 'dave', 'erin', 'targets-1', 'targets-2', 'targets-3']);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

export function targetJson(content: Uint8Array, custom?: Plain): Plain {
  const hashes = { sha256: digestOf('sha256', content) };
  return { length: content.length, hashes, ...(custom !== undefined && { custom }) };
}

export async function firstRoot(): Promise<SigningRequest> {
  return requestFor({ role: 'root', document: rootJson(1, board), owners });
}

/** Dave's key comes in for Alice's; Bob has signed, and so has a stranger. */
export async function keyRotation(): Promise<SigningRequest> {
  const first = await signed(rootJson(1, board), ['alice', 'bob']);
  const document = rootJson(2, {
    root: { keys: ['bob', 'carol', 'dave'], threshold: 2 },
    expires: '2027-12-01T12:00:00Z',
  });
  const request = await signRequest(
    requestFor({ role: 'root', document, roots: [first], owners }),
    keyOf('bob'),
  );
  const stranger = { keyId: keyOf('mallory').id, hex: '00' };
  return { ...request, signatures: [...request.signatures, stranger] };
}

export async function loweredThreshold(): Promise<SigningRequest> {
  const targets = { keys: ['targets-1', 'targets-2', 'targets-3'], threshold: 2 };
  const first = await signed(rootJson(1, { ...board, targets }), ['alice', 'bob']);
  const document = rootJson(2, {
    ...board,
    targets: { ...targets, threshold: 1 },
    expires: '2029-12-01T12:00:00Z',
  });
  return requestFor({ role: 'root', document, roots: [first], owners });
}

/** From three of five to two of two, with an online key among them. */
export async function shrunkRoot(): Promise<SigningRequest> {
  const five = { keys: ['alice', 'bob', 'carol', 'dave', 'erin'], threshold: 3 };
  const first = await signed(rootJson(1, { root: five }), ['alice', 'bob', 'carol']);
  const document = rootJson(2, { root: { keys: ['alice', 'timestamp-1'], threshold: 2 } });
  return requestFor({ role: 'root', document, roots: [first], owners });
}

const release = (version: string, waves: Release['waves']): Release => ({
  variant: 'demo',
  arch: 'x86_64',
  version,
  maxVersion: '1.1.0',
  waves,
  images: { boot: `boot-${version}.img`, root: `root-${version}.img`, hash: `hash-${version}.img` },
  spread: 'linear',
});

export const manifestBefore: Manifest = {
  updates: [{ ...release('1.0.0', new Map()), maxVersion: '1.0.0' }],
  migrations: [],
};
const start = Date.parse('2026-12-01T09:00:00Z');
const hour = 3_600_000;
export const manifestAfter: Manifest = {
  updates: [
    release('1.0.0', new Map()),
    {
      ...release(
        '1.1.0',
        new Map([
          [0, start],
          [20, start + 24 * hour],
          [1024, start + 48 * hour],
        ]),
      ),
      lastWaveEnds: start + 72 * hour,
    },
  ],
  migrations: [{ from: '1.0.0', to: '1.1.0', targets: ['migrate_1.1.0_settings.lz4'] }],
};

const imagesOf = (version: string): Record<string, Plain> =>
  Object.fromEntries(
    ['boot', 'root', 'hash'].map((kind) => [
      `${kind}-${version}.img`,
      targetJson(text(`${kind} ${version}`)),
    ]),
  );

/** Three images and a manifest with a rollout; one target changes under its name, one loses its custom. */
export async function changedTargets(): Promise<SigningRequest> {
  const targets = { keys: ['targets-1', 'targets-2', 'targets-3'], threshold: 2 };
  const root = await signed(rootJson(1, { ...board, targets }), ['alice', 'bob']);
  const [old, present] = [formatManifest(manifestBefore), formatManifest(manifestAfter)];
  const before = targetsJson(6, {
    targets: {
      ...imagesOf('1.0.0'),
      'manifest.json': targetJson(old),
      'tools.tar': targetJson(text('tools')),
      'notes.txt': targetJson(text('notes'), { language: 'en' }),
      'old.img': targetJson(text('old')),
    },
  });
  const document = targetsJson(7, {
    expires: '2027-05-01T12:00:00Z',
    targets: {
      ...imagesOf('1.0.0'),
      ...imagesOf('1.1.0'),
      'manifest.json': targetJson(present),
      'tools.tar': targetJson(text('other tools')),
      'notes.txt': targetJson(text('notes')),
      'migrate_1.1.0_settings.lz4': targetJson(text('migration'), { kind: 'migration', steps: [1, 2] }),
    },
    'x-note': 'for review',
  });
  return requestFor({
    role: 'targets',
    document,
    roots: [root],
    previous: await signed(before, ['targets-1', 'targets-3']),
    owners,
    attachments: new Map([['manifest.json', present]]),
    previousAttachments: new Map([['manifest.json', old]]),
  });
}

/** One delegation comes first, one goes, one changes its keys, paths and end. */
export async function changedDelegations(): Promise<SigningRequest> {
  const root = await signed(rootJson(1, board), ['alice', 'bob']);
  const before = targetsJson(6, {
    delegations: delegationsJson([
      { name: 'firmware', keys: ['dave', 'erin'], threshold: 2, paths: ['firmware-*'] },
      { name: 'docs', keys: ['erin'], threshold: 1, paths: ['*.txt'] },
    ]),
  });
  const document = targetsJson(7, {
    delegations: delegationsJson([
      { name: 'partner', keys: ['frank'], threshold: 1, paths: ['*'] },
      {
        name: 'firmware',
        keys: ['dave', 'erin', 'carol'],
        threshold: 1,
        paths: ['firmware-*', 'fw-*'],
        terminating: true,
      },
    ]),
  });
  return requestFor({
    role: 'targets',
    document,
    roots: [root],
    previous: await signed(before, ['targets-1']),
    owners,
  });
}

export async function delegatedRole(): Promise<SigningRequest> {
  const root = await signed(rootJson(1, board), ['alice', 'bob']);
  const delegating = targetsJson(7, {
    delegations: delegationsJson([
      { name: 'firmware', keys: ['dave', 'erin'], threshold: 2, paths: ['firmware-*'] },
    ]),
  });
  const document = targetsJson(1, { targets: { 'firmware-1.bin': targetJson(text('firmware')) } });
  const request = requestFor({
    role: 'firmware',
    document,
    roots: [root],
    delegators: [{ role: 'targets', bytes: await signed(delegating, ['targets-1']) }],
    owners,
  });
  return await signRequest(request, keyOf('erin'));
}
