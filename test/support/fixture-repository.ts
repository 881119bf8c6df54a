/** The repository that most tests begin with, and its images. */
import { createHash } from 'node:crypto';
import { RepositorySimulator, type SimulatorOptions } from './repository-simulator.ts';
import { writtenJson } from './written-json.ts';

/** The image kinds of the fixture, with their target paths. */
export const fixtureImages = {
  boot: 'boot-1.2.0.img',
  root: 'root-1.2.0.img',
  hash: 'hash-1.2.0.img',
} as const;

/**
 * Versions 2/5/5/5 of root, timestamp, snapshot and targets; root threshold 2 of 3, one key in the other
 * roles; three images and a manifest. The embedded root of its clients is version 1: `written('root', 1)`.
 */
export function fixtureRepository(options: SimulatorOptions = {}): RepositorySimulator {
  const repository = new RepositorySimulator(options);
  for (const path of Object.values(fixtureImages)) repository.addTarget(path, imageBytes(path, 9000));
  repository.addTarget('manifest.json', manifestBytes());
  repository.publishRoot();
  repository.targets.version = 5;
  repository.snapshot.version = 5;
  repository.timestamp.version = 5;
  repository.writeAll();
  return repository;
}

/** Bytes that look random and are the same in every run. */
export function imageBytes(name: string, length: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, index) =>
    createHash('sha256').update(`${name} ${index}`).digest(),
  );
  return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
}

function manifestBytes(): Uint8Array {
  const update = {
    variant: 'demo',
    arch: 'x86_64',
    version: '1.2.0',
    max_version: '1.2.0',
    waves: {},
    images: fixtureImages,
  };
  return new TextEncoder().encode(writtenJson({ updates: [update], migrations: {} }));
}
