/** Names for keys, and the tidegate.toml of an adopted repository. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type AdoptionPlan, type AdoptOptions, planAdoption } from '../../../src/signer/adopt/adopt.ts';
import {
  type AdoptionScene,
  adoptionScene,
  type Fixture,
  metadataFolder,
  optionsFor,
  rootOf,
} from '../../support/adoption.ts';

describe('signer/adopt/adopted-settings', () => {
  let scene: AdoptionScene;

  beforeEach(() => {
    scene = adoptionScene();
  });
  afterEach(() => scene.end());

  const planOf = async (fixture: Fixture, options: Partial<AdoptOptions> = {}): Promise<AdoptionPlan> =>
    await planAdoption(scene.workspace, { ...optionsFor(scene, fixture), ...options });

  const namesOf = ({ keys }: AdoptionPlan) =>
    Object.fromEntries(keys.map(({ name, roles }) => [name, roles]));

  it('calls keys by the owners that tuf-on-ci wrote into them, and the online key online', async () => {
    const plan = await planOf('tuf-on-ci');
    assert.deepEqual(namesOf(plan), {
      alice: ['root', 'targets'],
      bob: ['root', 'targets'],
      carol: ['root', 'targets'],
      online: ['snapshot', 'timestamp'],
    });
    assert.deepEqual(plan.settings.roles.targets, { keys: ['alice', 'bob', 'carol'], threshold: 2 });
  });

  it('makes file names of the names that RSTUF wrote into keys', async () => {
    assert.deepEqual(namesOf(await planOf('rstuf')), {
      'jimi-hendrix': ['root'],
      'janis-joplin': ['root'],
      online: ['targets', 'snapshot', 'timestamp', 'bins'],
    });
  });

  it('calls keys without an owner by their role, and one key of all roles by the first', async () => {
    assert.deepEqual(namesOf(await planOf('pubsys')), { root: ['root', 'targets', 'snapshot', 'timestamp'] });
    const { keys } = await planOf('chain');
    const names = [
      'root-1',
      'root-2',
      'root-3',
      'targets',
      'snapshot',
      'timestamp',
      'apps',
      'bin-low',
      'apps-inner',
    ];
    assert.deepEqual(
      keys.map(({ name }) => name),
      names,
    );
  });

  it('knows the labels under which keys are listed, and gives each its hash', async () => {
    const { keys } = await planOf('plain');
    const [root] = keys;
    assert.deepEqual([...(root?.listedAs ?? [])], ['release-owner']);
    assert.match(root?.id ?? '', /^[0-9a-f]{64}$/);
  });

  it('takes over the periods of tuf-on-ci, and the policies of the template where there are none', async () => {
    const { toml } = await planOf('tuf-on-ci');
    assert.match(
      toml,
      /root_expiration = "365 days"\ntimestamp_expiration = "4 days"\nsnapshot_expiration = "365 days"\ntargets_expiration = "365 days"/,
    );
    const plain = await planOf('tuftool');
    assert.match(plain.toml, /policies = \["root-52w", "2w-26w-1w"\]/);
    assert.doesNotMatch(plain.toml, /^\w+_expiration = /m);
  });

  it('says where the chain of roots begins when its beginning is lost', async () => {
    const options = { ...optionsFor(scene, 'chain'), root: rootOf(scene, 'chain', 3) };
    for (const version of [1, 2]) rmSync(join(metadataFolder(scene, 'chain'), `${version}.root.json`));
    const { settings, findings } = await planAdoption(scene.workspace, options);
    assert.equal(settings.firstRoot, 3);
    assert.match(findings.map(({ where }) => where).join('; '), /roots 1 to 2/);
  });

  it('writes the addresses of private halves, and the name and store that were asked for', async () => {
    const keyPlaces = new Map([['timestamp', 'awskms:alias/timestamp?region=eu-central-1']]);
    const { settings } = await planOf('tuftool', {
      keyPlaces,
      name: 'acme-os',
    });
    assert.equal(settings.keyPlaces.get('timestamp'), 'awskms:alias/timestamp?region=eu-central-1');
    assert.equal(settings.name, 'acme-os');
  });

  it('refuses a name that no repository can have', async () => {
    await assert.rejects(planOf('tuftool', { name: 'two words' }), {
      code: 'config-invalid',
      message: /name/,
    });
  });

  it('reads the layout and the variant of Bottlerocket from the list of releases', async () => {
    const { location, fleets: _given, ...rest } = optionsFor(scene, 'pubsys');
    const plan = await planAdoption(scene.workspace, { ...rest, location: `${location}/aws-dev/x86_64` });
    assert.equal(plan.settings.layout, 'bottlerocket');
    assert.deepEqual(plan.settings.fleets, [{ variant: 'aws-dev', arch: 'x86_64' }]);
    assert.equal(plan.targets.length, 4);
    assert.deepEqual(plan.toml, (await planOf('pubsys')).toml);
  });

  it('asks which variants there are when nothing says so', async () => {
    const { fleets: _given, ...rest } = optionsFor(scene, 'pubsys');
    const planned = planAdoption(scene.workspace, { ...rest, layout: 'bottlerocket' });
    await assert.rejects(planned, { code: 'usage', message: /--variant/ });
  });
});
