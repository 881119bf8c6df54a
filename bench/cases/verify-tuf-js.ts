/** The same chain through the part of tuf-js that verifies: no disk, no network, none of its limits on sizes. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { argumentsOf, reportJob } from '../job.ts';
import { roleFiles } from '../repository-fixture.ts';

/** Of the store that its updater uses; the package does not export it. */
interface MetadataStore {
  updateTimestamp(bytes: Buffer): unknown;
  updateSnapshot(bytes: Buffer): unknown;
  updateDelegatedTargets(bytes: Buffer, role: string, delegator: string): unknown;
  readonly targets: { readonly signed: { readonly targets: object } } | undefined;
}

const require = createRequire(import.meta.url);
const { TrustedMetadataStore } = require('tuf-js/dist/store.js') as {
  readonly TrustedMetadataStore: new (root: Buffer) => MetadataStore;
};

const [folder = ''] = argumentsOf('FOLDER');
const read = (name: string): Buffer => readFileSync(join(folder, name));
const root = read(roleFiles.root);
const timestamp = read(roleFiles.timestamp);
const snapshot = read(roleFiles.snapshot);
const targets = read(roleFiles.targets);

await reportJob(() => {
  const store = new TrustedMetadataStore(root);
  store.updateTimestamp(timestamp);
  store.updateSnapshot(snapshot);
  store.updateDelegatedTargets(targets, 'targets', 'root');
  return `${Object.keys(store.targets?.signed.targets ?? {}).length} targets`;
});
