/** What adopting finds, and what becomes of it. */
import assert from 'node:assert/strict';
import { planAdoption } from '../../../src/signer/adopt/adopt.ts';
import type { Finding, FindingLevel } from '../../../src/signer/adopt/finding.ts';
import {
  type AdoptionScene,
  adoptionScene,
  type Fixture,
  optionsFor,
  today,
} from '../../support/adoption.ts';

describe('signer/adopt findings', () => {
  let scene: AdoptionScene;

  before(() => {
    scene = adoptionScene();
  });
  after(() => scene.end());

  const findingsOf = async (fixture: Fixture, now = today): Promise<readonly Finding[]> =>
    (await planAdoption(scene.workspace, { ...optionsFor(scene, fixture), now })).findings;

  /** The findings whose text matches, as [level, step]. */
  async function matching(fixture: Fixture, pattern: RegExp): Promise<readonly string[]> {
    const findings = await findingsOf(fixture);
    return findings
      .filter(({ where, found }) => pattern.test(`${where}: ${found}`))
      .map(({ level, step }) => `${level} ${step}`);
  }

  it('a repository without consistent snapshots needs a new root', async () => {
    assert.deepEqual(await matching('plain', /^root 1: consistent_snapshot is false/), ['must root']);
  });

  it('key ids that are labels need a new root', async () => {
    const expected = Array.from({ length: 3 }, () => 'must root');
    assert.deepEqual(await matching('plain', /is a label/), expected);
    assert.deepEqual(await matching('rstuf', /is a label/), []);
  });

  it('one key for all and a threshold of 1 should change, and are kept on record until then', async () => {
    assert.deepEqual(await matching('pubsys', /\[roles\.root\] threshold: 1/), ['should root']);
    assert.equal((await matching('pubsys', /, a key of (root|targets)/)).length, 5);
    assert.deepEqual(await matching('tuftool', /threshold|a key of/), []);
  });

  it('fractions of a second, as tuftool writes them, go with the first publication', async () => {
    const expected = ['should publish', 'should publish', 'should publish'];
    assert.deepEqual(await matching('pubsys', /expires .*\.\d+Z/), expected);
  });

  it('versions that are Unix times stay and go on', async () => {
    const findings = (await findingsOf('pubsys')).filter(({ found }) => /Unix time/.test(found));
    assert.equal(findings.length, 3);
    for (const { level, change } of findings) {
      assert.equal(level, 'keep');
      assert.match(change, /^goes on with 179\d{7}$/);
    }
  });

  it('documents without the name of a repository get it: the three with the first publication, root with the next', async () => {
    assert.deepEqual(await matching('tuftool', /^timestamp, snapshot, targets: no member/), ['must publish']);
    assert.deepEqual(await matching('tuftool', /^root 2: no member/), ['should root']);
    assert.deepEqual(await matching('chain', /^apps, bin-low, apps-inner: no member/), ['should delegate']);
  });

  it('names the clients that stumble over lengths, key types, bins and hash prefixes', async () => {
    const reasons = async (fixture: Fixture, pattern: RegExp) =>
      (await findingsOf(fixture))
        .filter(({ found }) => pattern.test(found))
        .map(({ reason }) => reason)
        .join(' ');
    assert.match(await reasons('chain', /without length or sha256/), /tough up to 0\.18/);
    assert.match(await reasons('tuf-on-ci', /key type ecdsa/), /tough 0\.12\.1 to 0\.17\.0/);
    assert.match(await reasons('rstuf', /succinct/), /tough cannot read/);
    assert.match(await reasons('chain', /path_hash_prefixes/), /go-tuf/);
  });

  it('an expired repository is read, and must be signed anew', async () => {
    const findings = await findingsOf('tuftool', Date.parse('2045-01-01T00:00:00Z'));
    const expired = findings.filter(({ found }) => /^expired at 2040-01-01/.test(found));
    assert.deepEqual(
      expired.map(({ level, step }) => `${level} ${step}`),
      ['must root', 'must publish', 'must publish', 'must publish'],
    );
  });

  it('what stays is said too: members, custom, targets, names with folders, releases', async () => {
    for (const pattern of [
      /members x-fleet/,
      /custom in 1 target/,
      /names with folders: docs\/readme\.txt/,
    ]) {
      assert.match((await matching('chain', pattern)).join(), /^keep/);
    }
    assert.deepEqual(await matching('pubsys', /manifest\.json: 1 release$/), ['keep publish']);
    assert.deepEqual(await matching('tuftool', /no list of releases/), ['should publish']);
  });

  it('what must change comes first', async () => {
    for (const fixture of ['plain', 'pubsys', 'chain'] as const) {
      const levels: FindingLevel[] = (await findingsOf(fixture)).map(({ level }) => level);
      const order = ['must', 'should', 'keep'];
      assert.deepEqual(
        levels,
        levels.toSorted((a, b) => order.indexOf(a) - order.indexOf(b)),
      );
      assert.equal(levels[0], 'must');
    }
  });
});
