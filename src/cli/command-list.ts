/**
 * Every command of `tidegate`, one file each. The list is all that is loaded for `--help`; a command's own file
 * comes in when it is asked for, and what it works with (the server's framework, the verifiers) only when it runs.
 */
import type { Define } from './surroundings.ts';

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<{ readonly define: Define }>;
}

export const commandList: readonly CommandEntry[] = [
  {
    name: 'init',
    summary: 'make a workspace: configuration, keys and the first root',
    load: () => import('./commands/init.ts'),
  },
  {
    name: 'key',
    summary: 'make, import, export, list and rewrap keys; needs no workspace',
    load: () => import('./commands/key.ts'),
  },
  {
    name: 'root',
    summary: 'what hosts trust: show it, propose the next one',
    load: () => import('./commands/root.ts'),
  },
  {
    name: 'adopt',
    summary: 'take over a repository that another TUF tool made',
    load: () => import('./commands/adopt.ts'),
  },
  {
    name: 'review',
    summary: 'show in words what a signing request says, with alarms and the digest to read aloud',
    load: () => import('./commands/review.ts'),
  },
  {
    name: 'sign',
    summary: 'sign requests with a key of yours, after a look at them; no workspace is needed',
    load: () => import('./commands/sign.ts'),
  },
  {
    name: 'merge',
    summary: 'bring the signatures of several copies of a request together',
    load: () => import('./commands/merge.ts'),
  },
  {
    name: 'release',
    summary: 'add images as a release, list or drop what is not published yet',
    load: () => import('./commands/release.ts'),
  },
  {
    name: 'target',
    summary: 'add, remove or list targets that belong to no release',
    load: () => import('./commands/target.ts'),
  },
  {
    name: 'delegate',
    summary: 'let other roles list targets: add, remove, show the search order',
    load: () => import('./commands/delegate.ts'),
  },
  {
    name: 'targets',
    summary: 'have a targets role signed elsewhere, by several people',
    load: () => import('./commands/targets.ts'),
  },
  {
    name: 'plan',
    summary: 'show what a publication would change, sign and upload; writes nothing',
    load: () => import('./commands/plan.ts'),
  },
  {
    name: 'publish',
    summary: 'sign and publish what the plan shows',
    load: () => import('./commands/publish.ts'),
  },
  {
    name: 'refresh',
    summary: 'sign anew what is about to expire',
    load: () => import('./commands/refresh.ts'),
  },
  {
    name: 'rotate',
    summary: 'another key takes the place of one, in stages that no host notices',
    load: () => import('./commands/rotate.ts'),
  },
  {
    name: 'revoke',
    summary: 'take a stolen key away from every role at once',
    load: () => import('./commands/revoke.ts'),
  },
  {
    name: 'recover',
    summary: 'return to the last honest state after an attack, under new keys',
    load: () => import('./commands/recover.ts'),
  },
  {
    name: 'latest',
    summary: 'the newest release of a variant and architecture: version, images, addresses, hashes',
    load: () => import('./commands/latest.ts'),
  },
  {
    name: 'status',
    summary: 'every role: version, expiry, signatures, and the next command to type',
    load: () => import('./commands/status.ts'),
  },
  {
    name: 'check-expirations',
    summary: 'for monitoring: which roles expire too soon, here or in a repository of others',
    load: () => import('./commands/check-expirations.ts'),
  },
  {
    name: 'inspect',
    summary: 'what a metadata file, request, key or manifest says, whichever tool made it',
    load: () => import('./commands/inspect.ts'),
  },
  {
    name: 'diff',
    summary: 'what two metadata files, requests or repositories say differently',
    load: () => import('./commands/diff.ts'),
  },
  {
    name: 'store',
    summary: 'try what a store really promises',
    load: () => import('./commands/store.ts'),
  },
  {
    name: 'doctor',
    summary: 'examine store, CDN, regions and hosts of every age, and say what to do',
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'gc',
    summary: 'remove from the store what nothing refers to any more',
    load: () => import('./commands/gc.ts'),
  },
  {
    name: 'verify',
    summary: 'audit a repository as a stranger: every root, role and file',
    load: () => import('./commands/verify.ts'),
  },
  {
    name: 'waves',
    summary: 'who updates when: show, foresee and steer a rollout',
    load: () => import('./commands/waves.ts'),
  },
  {
    name: 'serve',
    summary: 'hand out a repository over HTTP',
    load: () => import('./commands/serve.ts'),
  },
  {
    name: 'host',
    summary: 'act as a host: check, prepare, activate, confirm, revert, status',
    load: () => import('./commands/host.ts'),
  },
];
