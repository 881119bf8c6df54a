/** tuf-js as its users call it: refresh, look the target up, download it. It does not sync. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Updater } from 'tuf-js';
import { argumentsOf, reportJob } from '../job.ts';

const [url = '', root = '', target = '', folder = ''] = argumentsOf('URL', 'ROOT', 'TARGET', 'FOLDER');
const metadataDir = join(folder, 'metadata');
const targetDir = join(folder, 'targets');
mkdirSync(metadataDir, { recursive: true });
mkdirSync(targetDir, { recursive: true });
copyFileSync(root, join(metadataDir, 'root.json'));
const updater = new Updater({
  metadataDir,
  targetDir,
  metadataBaseUrl: url,
  targetBaseUrl: `${url}/targets`,
});
await reportJob(async () => {
  await updater.refresh();
  const info = await updater.getTargetInfo(target);
  if (info === undefined) throw new Error('The target is missing.');
  await updater.downloadTarget(info, join(targetDir, 'image'));
  return `${info.length} bytes`;
});
