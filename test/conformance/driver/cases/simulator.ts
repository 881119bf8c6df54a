/** The simulator itself: what it publishes is what the other cases take for granted. No client runs here. */
import { deepEqual, equal } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { RepositorySimulator } from '../../../support/repository-simulator.ts';
import { expiry } from '../../../support/simulated-documents.ts';
import { group } from '../case.ts';

function served(repository: RepositorySimulator, name: string): { signed: Record<string, unknown> } {
  const bytes = repository.files.get(name) ?? new Uint8Array();
  return JSON.parse(new TextDecoder().decode(bytes)) as { signed: Record<string, unknown> };
}

export const simulator = group('simulator', [
  {
    title: 'a new repository serves version 1 of the four roles',
    async run({ repository }) {
      const names = ['1.root.json', '1.targets.json', '1.snapshot.json', 'timestamp.json'];
      deepEqual([...repository.files.keys()].sort(), names.sort());
      for (const name of names) equal(served(repository, name).signed.version, 1);
    },
  },
  {
    title: 'lengths and hashes in timestamp and snapshot are those of the files',
    repository: { stateHashes: true },
    async run({ repository }) {
      repository.publish();
      for (const [parent, entry, file] of [
        ['timestamp.json', 'snapshot.json', '2.snapshot.json'],
        ['2.snapshot.json', 'targets.json', '2.targets.json'],
      ] as const) {
        const bytes = repository.files.get(file) ?? new Uint8Array();
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        const { meta } = served(repository, parent).signed as { meta: Record<string, unknown> };
        deepEqual(meta[entry], { version: 2, length: bytes.length, hashes: { sha256 } });
      }
    },
  },
  {
    title: 'a changed expiry is in the next version and not in the one before',
    async run({ repository }) {
      const before = repository.written('timestamp');
      repository.timestamp.expires = expiry(-5);
      repository.publishTimestamp();
      equal(served(repository, 'timestamp.json').signed.expires, expiry(-5));
      deepEqual(repository.written('timestamp', 1), before);
    },
  },
]);
