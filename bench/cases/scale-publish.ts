/** Adds one image to a workspace and publishes it: all of `release add` and `publish`, checks as hosts included. */
import { randomFillSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { planPublication } from '../../src/signer/publication/plan-publication.ts';
import { publish } from '../../src/signer/publication/publish.ts';
import { addRelease } from '../../src/signer/release/add-release.ts';
import { openWorkspace } from '../../src/signer/workspace/workspace.ts';
import { argumentsOf, reportJob } from '../job.ts';

const [folder = '', size = '', proof = ''] = argumentsOf('FOLDER', 'SIZE', 'PROOF');
const version = `1.0.${Date.now()}`;
const image = join(folder, `disk-${version}.img`);
writeFileSync(image, randomFillSync(Buffer.alloc(Number(size))));
await reportJob(async () => {
  const workspace = await openWorkspace(join(folder, 'workspace'));
  await addRelease(workspace, { version, images: { image }, wavePolicy: 'none' });
  const now = Date.now();
  const unlock = async (): Promise<undefined> => undefined;
  const plan = await planPublication(workspace, { now });
  const { repositories } = await publish(workspace, plan, { now, unlock });
  workspace.store.close?.();
  if (repositories.length !== 1) throw new Error('Nothing was published.');
  return proof;
});
