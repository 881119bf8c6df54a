/** Makes a workspace with so many targets and root versions and publishes it, as the start of `scale-publish`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject, parseJson } from '../../src/metadata/json.ts';
import { withMembers } from '../../src/metadata/json-writer.ts';
import { parsePortableTargetPath } from '../../src/metadata/target-path.ts';
import { signWith } from '../../src/signer/keys/signing.ts';
import { planPublication } from '../../src/signer/publication/plan-publication.ts';
import { publish } from '../../src/signer/publication/publish.ts';
import { readImage } from '../../src/signer/release/image-file.ts';
import { writeTargetDraft } from '../../src/signer/release/target-draft.ts';
import { initWorkspace } from '../../src/signer/workspace/init.ts';
import { openWorkspace, repositoriesOf } from '../../src/signer/workspace/workspace.ts';
import { openKeyRing } from '../../src/signer/workspace/workspace-keys.ts';
import { argumentsOf, reportJob } from '../job.ts';

const [folder = '', targets = '', roots = '', store = ''] = argumentsOf(
  'FOLDER',
  'TARGETS',
  'ROOTS',
  'STORE',
);
const directory = join(folder, 'workspace');
const unlock = async (): Promise<undefined> => undefined;

async function rotateRoots(count: number): Promise<void> {
  const workspace = await openWorkspace(directory);
  const { keys, threshold } = workspace.settings.roles.root;
  const named = [...workspace.keys.values()].filter(({ name }) => keys.includes(name)).slice(0, threshold);
  const ring = openKeyRing(workspace, unlock);
  const signers = [];
  for (const key of named) {
    const signer = await ring.open(key);
    if (signer !== undefined) signers.push(signer);
  }
  const path = (version: number): string => join(directory, 'roots', `${version}.root.json`);
  const limits = { maxDepth: 64, maxValues: 100_000, maxDigits: 16 };
  const first = parseJson(readFileSync(path(1)), limits, 'root');
  const document = isJsonObject(first) ? first.get('signed') : undefined;
  if (!isJsonObject(document)) throw new Error('The first root is no object.');
  for (let version = 2; version <= count; version += 1) {
    const request = { document: withMembers(document, { version }), what: `root ${version}` };
    writeFileSync(path(version), await signWith(request, signers));
  }
}

async function addTargets(count: number): Promise<void> {
  const workspace = await openWorkspace(directory);
  const [place] = repositoriesOf(workspace.settings);
  if (place === undefined) throw new Error('The workspace has no repository.');
  for (let index = 0; index < count; index += 1) {
    const path = join(folder, `target-${index}`);
    writeFileSync(path, `target ${index}`);
    const image = await readImage(workspace.fileSystem, path, {});
    const target = parsePortableTargetPath(`target-${index}`);
    await writeTargetDraft(workspace, { repository: place.name, role: 'targets', target, image });
  }
}

await reportJob(async () => {
  const options = { template: 'single', name: 'bench/scale', store } as const;
  await initWorkspace(directory, { ...options, insecureDevelopmentKeys: true });
  await rotateRoots(Number(roots));
  await addTargets(Number(targets));
  const workspace = await openWorkspace(directory);
  const now = Date.now();
  await publish(workspace, await planPublication(workspace, { now }), { now, unlock });
  workspace.store.close?.();
  return targets;
});
