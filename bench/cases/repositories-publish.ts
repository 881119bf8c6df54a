/** One release for many repositories: planned and published; what is laid out before does not count. */
import { join } from 'node:path';
import { planPublication } from '../../src/signer/publication/plan-publication.ts';
import { publish } from '../../src/signer/publication/publish.ts';
import { addRelease } from '../../src/signer/release/add-release.ts';
import { initWorkspace } from '../../src/signer/workspace/init.ts';
import { openWorkspace } from '../../src/signer/workspace/workspace.ts';
import { argumentsOf, reportJob } from '../job.ts';

const [folder = '', shelf = '', address = '', count = ''] = argumentsOf(
  'FOLDER',
  'SHELF',
  'ADDRESS',
  'REPOSITORIES',
);
const directory = join(folder, 'workspace');
const architectures = ['x86_64', 'aarch64'];
const variants = Object.fromEntries(
  Array.from({ length: Number(count) / 2 }, (_, index) => [`v${index}`, architectures]),
);
await initWorkspace(directory, {
  template: 'bottlerocket',
  name: 'bench/repositories',
  store: address,
  variants,
  insecureDevelopmentKeys: true,
});
const workspace = await openWorkspace(directory);
const images = Object.fromEntries(['boot', 'root', 'hash'].map((kind) => [kind, join(shelf, kind)]));
for (const variant of Object.keys(variants))
  for (const arch of architectures)
    await addRelease(workspace, { variant, arch, version: '1.0.0', images, wavePolicy: 'none' });

await reportJob(async () => {
  const now = Date.now();
  const unlock = async (): Promise<undefined> => undefined;
  const plan = await planPublication(workspace, { now });
  const { repositories } = await publish(workspace, plan, { now, unlock });
  workspace.store.close?.();
  if (repositories.length !== Number(count)) throw new Error(`${repositories.length} were published.`);
  return `${count} repositories`;
});
