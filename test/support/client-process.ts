/** A client in a process of its own: refreshes and downloads a number of times. Trusted root on standard input. */
import { rmSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { RepositoryClient } from '../../src/client/updater.ts';

const plan = JSON.parse(process.argv[2] ?? '') as {
  readonly state: string;
  readonly metadata: string;
  readonly targets: string;
  readonly now: number;
  readonly rounds: number;
  readonly out: string;
  readonly path: string;
};

const client = new RepositoryClient({
  trustedRoot: await buffer(process.stdin),
  metadata: plan.metadata,
  targets: plan.targets,
  stateDirectory: plan.state,
  clock: () => plan.now,
  secondVerifier: 'off',
});
for (let round = 0; round < plan.rounds; round += 1) {
  await client.refresh();
  await client.download(plan.path, plan.out);
  rmSync(plan.out);
}
await client.close();
process.stdout.write(`${plan.rounds} rounds`);
