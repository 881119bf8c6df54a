import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { satisfies } from 'semver';
import { isSupported, platformPackage, supportedRange } from '../src/runtime.ts';
import { packageOf } from './support/import-rules.ts';
import { readSourceFacts, type SourceFacts } from './support/source-facts.ts';

const repository = dirname(import.meta.dirname);

interface Manifest {
  readonly engines: { readonly node: string };
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** One entry of `packages` in package-lock.json. */
interface Locked {
  readonly version: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as Manifest;
const lock = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, Locked>>;
};
const locked = Object.entries(lock.packages)
  .filter(([path]) => path !== '')
  .map(([path, entry]) => ({ ...entry, name: path.replace(/^.*node_modules\//, '') }));

/** Versions below these have published or measured faults that matter here. A range bounds each major of its own. */
const floors: Readonly<Record<string, string>> = {
  'tuf-js': '>=6.0.2',
  '@tufjs/models': '>=5.0.2',
  'node-forge': '>=1.4.0',
  tar: '>=7.5.11',
  undici: '^6.24.0 || >=7.24.0',
  qs: '>=6.16.0',
};

function belowFloor(
  packages: readonly { readonly name: string; readonly version: string }[],
): readonly string[] {
  return packages
    .filter(({ name, version }) => floors[name] !== undefined && !satisfies(version, floors[name]))
    .map(({ name, version }) => `${name} ${version}, expected ${floors[name]}`);
}

/** The two files that may import node-forge: one reads PKCS#12, one builds X.509 certificates. */
const forgeFiles = ['signer/keys/pkcs12.ts', 'server/tls/certificate.ts'];

/** What node-forge must never do here: node:crypto does it. */
const forbiddenForgeMembers = /^(verify|random|tls|sign|encrypt|decrypt|prime|ssh)$/;

function forgeUses(sources: readonly SourceFacts[]): readonly string[] {
  return sources
    .filter(({ imports }) => imports.some((entry) => packageOf(entry) === 'node-forge'))
    .flatMap(({ path, members, imports }) => [
      ...(forgeFiles.includes(path) ? [] : [`${path} imports node-forge`]),
      ...members
        .filter(({ name }) => forbiddenForgeMembers.test(name))
        .map(({ name, line }) => `${path}:${line} uses .${name}`),
      ...imports
        .filter((entry) => packageOf(entry) === 'node-forge')
        .flatMap(({ names }) => names.filter((name) => forbiddenForgeMembers.test(name)))
        .map((name) => `${path} imports ${name} of node-forge`),
    ]);
}

/** Where a signature is checked or made without naming a digest: right for ed25519 alone. */
function digestlessCalls(sources: readonly SourceFacts[]): readonly string[] {
  return sources
    .filter(({ imports }) =>
      imports.some(({ specifier, kind }) => specifier === 'node:crypto' && kind !== 'type'),
    )
    .flatMap(({ path, calls }) =>
      calls
        .filter(
          ({ name, arguments: [digest] }) =>
            /^(verify|sign)$/.test(name) && /^(null|undefined)$/.test(digest ?? ''),
        )
        .map(({ line }) => `${path}:${line}`),
    );
}

describe('dependencies', () => {
  let sources: readonly SourceFacts[] = [];

  before(() => {
    sources = readSourceFacts(join(repository, 'tsconfig.build.json'), join(repository, 'src'));
  });

  it('DEP-01: no locked package is below its floor', () => {
    assert.deepEqual(belowFloor(locked), []);
    assert.ok(locked.some(({ name }) => name === 'tuf-js'));
    assert.deepEqual(
      belowFloor([
        { name: 'undici', version: '7.2.0' },
        { name: 'qs', version: '6.15.9' },
      ]),
      ['undici 7.2.0, expected ^6.24.0 || >=7.24.0', 'qs 6.15.9, expected >=6.16.0'],
    );
  });

  it('DEP-01: minimatch reaches production through known packages alone, and our code never calls it', () => {
    const users = locked.filter(
      ({ dev, dependencies }) => dev !== true && dependencies?.minimatch !== undefined,
    );
    // @tufjs/models sees verified bytes only; glob clears the cache folders of cacache.
    assert.deepEqual([...new Set(users.map(({ name }) => name))].toSorted(), ['@tufjs/models', 'glob']);
    const importers = sources.filter(({ imports }) =>
      imports.some((entry) => packageOf(entry) === 'minimatch'),
    );
    assert.deepEqual(
      importers.map(({ path }) => path),
      [],
    );
  });

  it('DEP-02: every direct dependency is pinned to one version, the locked one', () => {
    const direct = {
      ...manifest.dependencies,
      ...manifest.optionalDependencies,
      ...manifest.devDependencies,
    };
    const found = Object.keys(direct).map((name) => [name, lock.packages[`node_modules/${name}`]?.version]);
    assert.deepEqual(found, Object.entries(direct));
  });

  it('DEP-02: the commands refuse exactly the Node.js versions outside engines', () => {
    assert.equal(supportedRange, manifest.engines.node);
    for (const version of [
      '18.20.0',
      '20.20.2',
      '22.22.2',
      '24.14.1',
      '24.15.0',
      '24.21.0',
      '25.9.0',
      '26.0.0',
      '27.1.0',
    ])
      assert.equal(isSupported(version), satisfies(version, manifest.engines.node), version);
  });

  it('DEP-02: for Linux a Node.js package is pinned that is new enough', () => {
    for (const arch of ['x64', 'arm64']) {
      const version = manifest.optionalDependencies[platformPackage('linux', arch) ?? ''] ?? '0.0.0';
      assert.ok(isSupported(version), `${arch}: ${version}`);
    }
    for (const name of Object.keys(manifest.optionalDependencies))
      assert.ok(
        ['linux', 'darwin'].some((os) => ['x64', 'arm64'].some((arch) => platformPackage(os, arch) === name)),
        name,
      );
  });

  it('DEP-03: node-forge reads PKCS#12 and builds X.509, in two files, and does nothing else', () => {
    assert.deepEqual(forgeUses(sources), []);
    const misuse: SourceFacts = {
      ...{ path: 'client/a.ts', lineCount: 1, globals: [], calls: [], strings: new Set() },
      imports: [{ specifier: 'node-forge', kind: 'static', names: ['random'], line: 1 }],
      members: [{ name: 'verify', line: 2 }],
    };
    assert.deepEqual(forgeUses([misuse]), [
      'client/a.ts imports node-forge',
      'client/a.ts:2 uses .verify',
      'client/a.ts imports random of node-forge',
    ]);
  });

  it('DEP-03: a signature without a named digest is handled in the file that knows the schemes alone', () => {
    const files = [...new Set(digestlessCalls(sources).map((place) => place.replace(/:.*/, '')))];
    assert.deepEqual(
      files.filter((file) => !/^(metadata\/crypto|signer\/[^/]*)\.ts$/.test(file)),
      [],
    );
  });

  it('DEP-04: every locked package has an integrity hash and no download address, and none runs code on install', () => {
    for (const { name, integrity, resolved, hasInstallScript } of locked) {
      assert.match(integrity ?? '', /^sha512-/, name);
      assert.equal(resolved, undefined, name);
      assert.notEqual(hasInstallScript, true, name);
    }
  });
});
