/** `RepositoryClient.download`, refresh and target lookup included: to a file that is verified, synced and named. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RepositoryClient } from '../../src/client/updater.ts';
import { argumentsOf, reportJob } from '../job.ts';

const [url = '', root = '', target = '', folder = ''] = argumentsOf('URL', 'ROOT', 'TARGET', 'FOLDER');
const client = new RepositoryClient({
  trustedRoot: readFileSync(root),
  metadata: url,
  targets: `${url}/targets`,
  stateDirectory: join(folder, 'state'),
});
await reportJob(async () => {
  await client.refresh();
  const { length } = await client.download(target, join(folder, 'image'));
  return `${length} bytes`;
});
await client.close();
