import assert from 'node:assert/strict';
import { topLevelTargets, updateTargets } from '../../src/trust/targets-role.ts';
import { updateSnapshot, updateTimestamp } from '../../src/trust/trusted-set.ts';
import { fixtureRepository } from '../support/fixture-repository.ts';
import { keyKinds, signingKey } from '../support/signing-keys.ts';
import {
  refuses,
  strictPolicy,
  trustedRoots,
  trustedSnapshot,
  trustedTargets,
  trustedTimestamp,
} from '../support/trusting.ts';

describe('trust: all roles', () => {
  it('TUF-42: lengths and hashes may be absent', () => {
    assert.ok(trustedTargets(fixtureRepository({ stateHashes: false })));
  });

  it('the repository that root names is the one that every role names', () => {
    const repository = fixtureRepository();
    const documents = [repository.timestamp, repository.snapshot, repository.targets];
    repository.root['x-tidegate-repository'] = 'fleet';
    repository.publishRoot();
    refuses(() => trustedTimestamp(repository), 'identity-mismatch', 'timestamp.json', 'no repository');
    for (const document of documents) document['x-tidegate-repository'] = 'fleet';
    repository.writeAll();
    assert.ok(trustedTargets(repository));
    for (const document of documents) {
      document['x-tidegate-repository'] = 'other\n';
      repository.writeAll();
      refuses(
        () => trustedTargets(repository),
        'identity-mismatch',
        document._type,
        'repository "other\\n"',
        'expected is "fleet"',
      );
      document['x-tidegate-repository'] = 'fleet';
    }
  });

  it('SPEC-1, TUF-43: unknown members everywhere are signed like the rest', () => {
    const repository = fixtureRepository();
    repository.delegate('targets', 'delegated');
    const key = signingKey('extra');
    for (const document of [
      repository.root,
      repository.timestamp,
      repository.snapshot,
      repository.targets,
    ] as { [member: string]: unknown }[])
      document['x-more'] = { deep: [1, { deeper: 'value' }] };
    repository.root.roles.root['x-more'] = 1;
    repository.root.keys[key.id] = key.json;
    repository.targets.delegations = {
      ...repository.targets.delegations,
      keys: repository.targets.delegations?.keys ?? {},
      'x-more': 1,
    };
    for (const role of repository.targets.delegations.roles ?? []) role['x-more'] = true;
    for (const target of Object.values(repository.targets.targets)) target['x-more'] = 'value';
    repository.publishRoot();
    repository.writeAll();
    const entry = repository.timestamp.meta['snapshot.json'];
    assert.ok(entry);
    entry['x-more'] = 'value';
    repository.write('timestamp');
    const set = trustedTargets(repository);
    assert.ok(set.root.document.json.has('x-more'));
    const altered = Buffer.from(
      Buffer.from(repository.written('timestamp')).toString().replaceAll('"value"', '"other"'),
    );
    refuses(() => updateTimestamp(trustedRoots(repository), altered), 'threshold-not-met');
  });

  it('PAR-01: one signature given 2 or 9 times is refused in every role', () => {
    const repository = fixtureRepository({ stateHashes: false });
    const set = trustedSnapshot(repository);
    for (const times of [2, 9]) {
      const repeated = (role: string): Uint8Array =>
        repository.sign(
          repository.document(role),
          Array.from({ length: times }, () => repository.signersOf(role)[0] ?? signingKey('none')),
        );
      refuses(() => updateTimestamp(set, repeated('timestamp')), 'duplicate-signature', 'timestamp.json');
      refuses(() => updateSnapshot(set, repeated('snapshot')), 'duplicate-signature', '5.snapshot.json');
      refuses(
        () => updateTargets(set, repeated('targets'), topLevelTargets),
        'duplicate-signature',
        '5.targets.json',
      );
    }
  });

  it('SPEC-11: works with keys of every kind', () => {
    const repository = fixtureRepository();
    for (const kind of keyKinds) {
      for (const role of ['root', 'timestamp', 'snapshot', 'targets'] as const)
        repository.setKeys(role, [signingKey('reader', kind)]);
      repository.publishRoot();
      repository.writeAll();
      assert.ok(trustedTargets(repository), kind);
    }
  });

  it('SPEC-10: one key id may name two keys in two places, each for its own', () => {
    const policy = { ...strictPolicy, requireHashedKeyIds: false };
    const repository = fixtureRepository({ stateHashes: false });
    const [ours] = repository.signersOf('targets');
    const other = signingKey('other');
    assert.ok(ours);
    repository.delegate('targets', 'delegated', { keys: [{ ...other, id: ours.id }] });
    repository.writeAll();
    const set = trustedTargets(repository, { policy });
    const reference = { role: 'delegated', delegator: 'targets' };
    assert.ok(updateTargets(set, repository.written('delegated'), reference));
    const confused = repository.sign(repository.role('delegated'), [ours]);
    refuses(
      () => updateTargets(set, confused, reference),
      'threshold-not-met',
      'that targets delegates delegated to',
    );
  });
});
