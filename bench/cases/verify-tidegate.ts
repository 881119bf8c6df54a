/** The whole chain of roles through our verifier, and one target looked up. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { noFloors } from '../../src/trust/floors.ts';
import { defaultLimits } from '../../src/trust/limits.ts';
import { topLevelTargets, updateTargets } from '../../src/trust/targets-role.ts';
import { finishRoot, trustRoot, updateSnapshot, updateTimestamp } from '../../src/trust/trusted-set.ts';
import { argumentsOf, reportJob } from '../job.ts';
import { roleFiles } from '../repository-fixture.ts';

const [folder = ''] = argumentsOf('FOLDER');
const [root, timestamp, snapshot, targets] = [
  roleFiles.root,
  roleFiles.timestamp,
  roleFiles.snapshot,
  roleFiles.targets,
].map((name) => readFileSync(join(folder, name)));
if (root === undefined || timestamp === undefined || snapshot === undefined || targets === undefined)
  throw new Error('A role is missing.');

const policy = {
  now: Date.now(),
  limits: defaultLimits,
  requireConsistentSnapshot: true,
  allowDelegations: true,
  requireHashedKeyIds: true,
};
await reportJob(() => {
  let set = finishRoot(trustRoot(root, policy, noFloors));
  set = updateSnapshot(updateTimestamp(set, timestamp), snapshot);
  set = updateTargets(set, targets, topLevelTargets);
  return `${set.targets.get('targets')?.document.targets.size} targets`;
});
