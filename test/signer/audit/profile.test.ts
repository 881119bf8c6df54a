/** The lint beside what four clients were measured to do, row by row, and our own reader beside both. */
import assert from 'node:assert/strict';
import { isTidegateError } from '../../../src/errors.ts';
import { peers, sentenceOf } from '../../../src/signer/audit/profile/finding.ts';
import {
  type LintedFile,
  lintFiles,
  type Profile,
  stumblingPeers,
} from '../../../src/signer/audit/profile.ts';
import { ClientScene } from '../../support/client-scene.ts';
import { MemoryFileSystem } from '../../support/memory-file-system.ts';
import { type MatrixRow, matrix } from '../../support/peer-matrix.ts';
import { RepositorySimulator } from '../../support/repository-simulator.ts';

/** The present files of a simulated repository. */
function filesOf(repository: RepositorySimulator): readonly LintedFile[] {
  const roles = ['root', 'timestamp', 'snapshot', ...repository.roles.keys()];
  return roles.map((role) => {
    const name = repository.fileName(role, repository.document(role).version);
    return { name, role, bytes: repository.files.get(name) ?? new Uint8Array() };
  });
}

function lint(repository: RepositorySimulator, profile: Profile = 'portable') {
  const { now, root, targetFiles } = repository;
  return lintFiles(filesOf(repository), {
    profile,
    now,
    ...(root.consistent_snapshot === true && { targetFiles }),
  });
}

function built({ build }: MatrixRow): { repository: RepositorySimulator; path: string } {
  const repository = new RepositorySimulator({ name: 'matrix' });
  return { repository, path: build(repository) };
}

function measured({ verdicts }: MatrixRow): readonly string[] {
  const each = verdicts.split(' ');
  return peers.filter((_, index) => each[index] !== 'ok');
}

describe('the portable profile', () => {
  it('has a row for each measured repository, each name once', () => {
    assert.equal(new Set(matrix.map(({ name }) => name)).size, matrix.length);
    assert.ok(matrix.length >= 112, `${matrix.length} rows`);
    for (const { name, verdicts } of matrix) assert.match(verdicts, /^(?:(?:ok|nf|NO) ?){4}$/, name);
  });

  for (const row of matrix) {
    it(`names who stumbles: ${row.name}: ${row.verdicts}`, () => {
      const { repository } = built(row);
      const findings = lint(repository);
      const named = stumblingPeers(findings);
      const texts = findings.map(sentenceOf);
      if (row.doubt === undefined) assert.deepEqual(named, measured(row), texts.join('\n'));
      // Over a web server the others may fare the same: the name is to be avoided, and everybody is named.
      else if (row.doubt === 'transport') assert.deepEqual(named, [...peers], texts.join('\n'));
      // Whoever chooses at random is named, whatever came of it that once.
      else
        assert.deepEqual(named, [...new Set([...measured(row), 'go-tuf'])].toSorted(order), texts.join('\n'));
      const tough = lint(repository, 'bottlerocket').length > 0;
      assert.equal(tough, named.includes('tough'), 'bottlerocket');
      for (const finding of findings) {
        for (const peer of Object.keys(finding.peers)) assert.ok(sentenceOf(finding).includes(`${peer} `));
      }
    });
  }
});

function order(a: string, b: string): number {
  return peers.indexOf(a as 'tough') - peers.indexOf(b as 'tough');
}

describe('our own reader', () => {
  for (const row of matrix) {
    it(`${row.ours === 'ok' ? 'delivers' : row.ours}: ${row.name}`, async () => {
      const { repository, path } = built(row);
      const scene = new ClientScene(repository, {
        requireConsistentSnapshot: repository.root.consistent_snapshot === true,
        fileSystem: new MemoryFileSystem(),
      });
      try {
        assert.equal(await outcome(scene, path), row.ours);
      } finally {
        await scene.close();
      }
    });
  }
});

async function outcome(scene: ClientScene, path: string): Promise<string> {
  try {
    let length = 0;
    for await (const chunk of scene.client().stream(path)) length += chunk.byteLength;
    const listed = [...scene.repository.roles.values()].map(({ targets }) => targets[path]?.length);
    assert.ok(listed.includes(length));
    return 'ok';
  } catch (error) {
    if (!isTidegateError(error)) throw error;
    return error.code === 'target-not-found' ? 'nf' : error.code;
  }
}
