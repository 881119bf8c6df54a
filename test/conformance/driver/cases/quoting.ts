/** Role names become parts of addresses and of file names. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { encodedRole } from '../../../support/simulated-documents.ts';
import { group } from '../case.ts';

export const quoting = group(
  'quoting',
  ['?', '#', '/delegatedrole', '../delegatedrole'].map((role) => ({
    title: `role ${role} is encoded in its address and stays inside the metadata folder`,
    async run(bench) {
      bench.repository.delegate('targets', role);
      bench.repository.writeAll();
      await bench.init();
      await bench.download('nonexistent target', 'failure');
      const asked = bench.takeMetadataRequests();
      ok(asked.includes(`1.${encodedRole(role)}.json`), `asked for ${asked}`);
      equal(Object.keys(bench.trusted()).length, 5);
      deepEqual(bench.strays(), []);
    },
  })),
);
