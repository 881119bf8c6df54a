import assert from 'node:assert/strict';
import { requireMigrations } from '../../src/waves/migration-rules.ts';
import { neededTargets } from '../../src/waves/needed-targets.ts';
import { type Manifest, releaseKey } from '../../src/waves/release.ts';
import { addRelease, emptyManifest, setMigrations } from '../../src/waves/releases.ts';
import { withdrawRelease } from '../../src/waves/steering.ts';

const demo = { variant: 'demo', arch: 'x86_64', waves: new Map<number, number>() };

function fleet(...versions: string[]): Manifest {
  return versions.reduce<Manifest>(
    (sum, version) => addRelease(sum, { ...demo, version, images: { image: `${version}.img` } }),
    emptyManifest,
  );
}

const hop = (from: string, to: string, ...targets: string[]) => ({ from, to, targets });
const all = (): boolean => true;

describe('what a publisher owes hosts that migrate', () => {
  it('asks nothing where there are no migrations', () => {
    assert.doesNotThrow(() => requireMigrations(fleet('1.0.0', '1.3.0'), () => false));
  });

  it('MAN-08: refuses 1.0 to 1.3 with the link from 1.1 to 1.2 missing, and names it', () => {
    const manifest = setMigrations(fleet('1.0.0', '1.3.0'), [hop('1.0.0', '1.1.0'), hop('1.2.0', '1.3.0')]);
    assert.throws(() => requireMigrations(manifest, all), { code: 'migration-missing', message: /1\.1\.0/ });
    const whole = setMigrations(manifest, [...manifest.migrations, hop('1.1.0', '1.2.0')]);
    assert.doesNotThrow(() => requireMigrations(whole, all));
  });

  it('MAN-08: refuses a hop down and one to itself, a cycle thereby, and programs that are no targets', () => {
    const with_ =
      (...hops: ReturnType<typeof hop>[]) =>
      () =>
        requireMigrations(setMigrations(fleet('1.0.0', '1.1.0'), hops), (path) => path === 'there');
    const up = hop('1.0.0', '1.1.0', 'there');
    assert.doesNotThrow(with_(up));
    assert.throws(with_(up, hop('1.1.0', '1.0.0')), {
      code: 'release-invalid',
      message: /does not lead upwards/,
    });
    assert.throws(with_(up, hop('1.1.0', '1.1.0')), { code: 'release-invalid' });
    assert.throws(with_(hop('1.0.0', '1.1.0', 'there', 'gone')), {
      code: 'release-invalid',
      message: /"gone"/,
    });
  });

  it('asks for chains of withdrawn releases, of one fleet, and of the new ones alone', () => {
    const migrations = [hop('1.1.0', '1.2.0')];
    const id = { ...demo, version: '1.0.0' };
    const manifest = setMigrations(fleet('1.0.0', '1.1.0', '1.2.0'), migrations);
    const gone = withdrawRelease(manifest, id, { at: 0 });
    assert.throws(() => requireMigrations(gone, all), { code: 'migration-missing' });
    const news = (version: string) => new Set([releaseKey({ ...demo, version })]);
    assert.throws(() => requireMigrations(gone, all, news('1.2.0')), { code: 'migration-missing' });
    assert.throws(
      () => requireMigrations(gone, all, news('1.0.0')),
      { code: 'migration-missing' },
      'from below',
    );
    assert.doesNotThrow(() => requireMigrations(gone, all, new Set()));
    const other = setMigrations(
      addRelease(addRelease(fleet('1.1.0', '1.2.0'), { ...id, arch: 'aarch64', images: { image: 'a' } }), {
        ...id,
        variant: 'x',
        images: { image: 'x' },
      }),
      migrations,
    );
    assert.doesNotThrow(() => requireMigrations(other, all));
  });

  it('needs the images of releases and the programs of migrations, and says for what', () => {
    const manifest = setMigrations(fleet('1.0.0', '1.1.0'), [hop('1.0.0', '1.1.0', 'program')]);
    assert.deepEqual(
      [...neededTargets(manifest)],
      [
        ['program', 'a program of migration (1.0.0, 1.1.0)'],
        ['1.0.0.img', 'an image of release demo x86_64 1.0.0'],
        ['1.1.0.img', 'an image of release demo x86_64 1.1.0'],
      ],
    );
  });
});
