/** A process that swaps a counter and creates files in a folder store, beside others: FOLDER NAME ROUNDS. */
import { isTidegateError } from '../../src/errors.ts';
import { DirectoryStore } from '../../src/storage/directory.ts';

const [folder = '', name = '', rounds = '0'] = process.argv.slice(2);
const report = { swapped: 0, created: 0 };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

for (let round = 0; round < Number(rounds); round += 1) {
  const store = new DirectoryStore(folder);
  const counter = await store.read('counter', 100);
  const next = Number(Buffer.from(counter?.bytes ?? bytes('0'))) + 1;
  // Spaces tell the counters of processes apart: the same bytes would be everybody's success.
  const padded = bytes(`${next}${' '.repeat(1 + 'abc'.indexOf(name))}`);
  if ((await store.swap('counter', padded, counter?.etag)) === 'swapped') report.swapped += 1;
  try {
    if ((await store.create(`each/${round}`, bytes(name))) === 'created') report.created += 1;
  } catch (error) {
    if (!isTidegateError(error, 'name-taken')) throw error;
  }
}
process.stdout.write(JSON.stringify(report));
