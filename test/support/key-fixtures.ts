/** Key files that OpenSSL made, kept in test/fixtures/keys: public test data. */
import { chmodSync, copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of every fixture that is encrypted, but for those whose name says unicode. */
export const fixturePassphrase = 'correct-horse';
export const unicodePassphrase = 'grüße-🔑';

export function keyFixturePath(name: string): string {
  return join(import.meta.dirname, '..', 'fixtures', 'keys', name);
}

export function keyFixture(name: string): Buffer {
  return readFileSync(keyFixturePath(name));
}

/** A copy that its owner alone can read, as keys must be; version control keeps no such modes. */
export function copyKeyFixture(name: string, path: string): string {
  copyFileSync(keyFixturePath(name), path);
  chmodSync(path, 0o600);
  return path;
}
