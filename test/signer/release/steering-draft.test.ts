import assert from 'node:assert/strict';
import { join } from 'node:path';
import { isSteered } from '../../../src/signer/publication/steering-plan.ts';
import {
  readSteering,
  removeSteering,
  type Steering,
  steeringName,
  writeSteering,
} from '../../../src/signer/release/steering-draft.ts';
import { emptyManifest } from '../../../src/waves/releases.ts';
import { directory, open, putFile, workspaceDisk } from '../../support/workspace.ts';

const release = { variant: 'demo', arch: 'x86_64', version: '1.0.0', base: 'b' };
const fleet = { variant: 'demo', arch: 'x86_64' };

const changes: readonly Steering[] = [
  { kind: 'set', ...release, policy: 'slow', startTime: 5000, spread: 'linear' },
  { kind: 'set', ...release, version: '1.0.1', spread: 'shipped' },
  { kind: 'pause', ...release, version: '1.1.0', everyone: true },
  { kind: 'pause', ...release, version: '1.1.1', everyone: false },
  { kind: 'resume', ...release, version: '1.2.0' },
  { kind: 'barrier', ...release, version: '1.2.1', on: true },
  { kind: 'barrier', ...release, version: '1.2.2', on: false },
  { kind: 'accelerate', ...release, version: '1.3.0', factor: 1.5 },
  { kind: 'accelerate', ...release, version: '1.3.1', policy: 'emergency' },
  { kind: 'withdraw', ...release, version: '1.4.0', reason: 'bad', callBack: 'highest' },
  { kind: 'withdraw', ...release, version: '1.4.1' },
  { kind: 'max-version', ...fleet, maxVersion: '1.0.0' },
  {
    kind: 'migrations',
    repository: 'metadata',
    migrations: [{ from: '1.0.0', to: '1.1.0', targets: ['a'] }],
  },
];

describe('changes to releases, as they wait', () => {
  it('come back as they were written, migrations first, highest versions last', async () => {
    const workspace = await open(await workspaceDisk());
    assert.deepEqual(await readSteering(workspace), []);
    for (const change of changes) await writeSteering(workspace, change);
    const back = await readSteering(workspace);
    const byName = (list: readonly Steering[]) =>
      list.toSorted((a, b) => (steeringName(a) < steeringName(b) ? -1 : 1));
    assert.deepEqual(byName(back), byName(changes));
    assert.deepEqual([back[0]?.kind, back.at(-1)?.kind], ['migrations', 'max-version']);
    for (const change of changes) assert.equal(isSteered(change, emptyManifest), false, change.kind);
  });

  it('one takes the place of another for the same release, and goes when it is taken back', async () => {
    const workspace = await open(await workspaceDisk());
    await writeSteering(workspace, { kind: 'resume', ...release });
    await writeSteering(workspace, { kind: 'pause', ...release, everyone: false });
    const [only, ...others] = await readSteering(workspace);
    assert.deepEqual([only?.kind, others.length], ['pause', 0]);
    assert.ok(only);
    assert.equal(await removeSteering(workspace, only), 'removed');
    assert.equal(await removeSteering(workspace, only), 'absent');
  });

  const damaged: readonly (readonly [string, string])[] = [
    ['another format', '{"format": 2}'],
    ['no object', '[]'],
    ['no kind', '{"format": 1}'],
    [
      'a kind that is none',
      '{"format": 1, "kind": "x", "variant": "a", "arch": "b", "version": "1.0.0", "base": "b"}',
    ],
    [
      'a release without its base',
      '{"format": 1, "kind": "resume", "variant": "a", "arch": "b", "version": "1.0.0"}',
    ],
    [
      'no spread',
      '{"format": 1, "kind": "set", "variant": "a", "arch": "b", "version": "1.0.0", "base": "b"}',
    ],
    ['migrations that are no list', '{"format": 1, "kind": "migrations", "repository": "m"}'],
    [
      'a migration that is no object',
      '{"format": 1, "kind": "migrations", "repository": "m", "migrations": [1]}',
    ],
    [
      'a migration without targets',
      '{"format": 1, "kind": "migrations", "repository": "m", "migrations": [{"from": "1.0.0", "to": "1.1.0"}]}',
    ],
  ];
  for (const [what, text] of damaged) {
    it(`are refused when damaged: ${what}`, async () => {
      const disk = await workspaceDisk();
      const workspace = await open(disk);
      await writeSteering(workspace, { kind: 'resume', ...release });
      await putFile(disk, join(directory, 'drafts', 'steering', 'x.json'), text);
      await assert.rejects(readSteering(workspace), { code: 'workspace-invalid', message: /x\.json/ });
    });
  }
});
