import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  checkBuiltIns,
  checkFolders,
  checkPackages,
  checkSpecifiers,
  findCycles,
  folderOf,
  parseImportTable,
  reachable,
  runTimeGraph,
} from './support/import-rules.ts';
import { checkPurity } from './support/purity.ts';
import { readSourceFacts, type SourceFacts } from './support/source-facts.ts';

const repository = dirname(import.meta.dirname);
const picture = readFileSync(join(repository, 'docs', 'architecture.md'), 'utf8');
const table = parseImportTable(picture);

/** Folders that compute over their arguments alone; and the one global that one file needs beyond the rule. */
const pureFolders = ['metadata', 'trust', 'waves'];
const purityExceptions = ['metadata/crypto.ts Buffer'];

/** Rows for what a later version brings. */
const notYetBuilt = ['provenance'];

/** What nothing on a host may load: whatever can sign, serve, or talk to object storage. */
const foreignToHosts =
  /^(signer|server|mirror|cli)\/|^storage\/s3|^(express|node-forge)$|^@(aws-sdk|sigstore)\//;

/** The members of node:crypto that use or make a private key. */
const privateKeyFunctions =
  /^(createPrivateKey|createSign|sign|Sign|generateKeyPair|generateKeyPairSync|privateDecrypt|privateEncrypt|createECDH|ECDH|diffieHellman|createDiffieHellman\w*|\*|default|webcrypto|subtle)$/;

const mayUsePrivateKeys = /^(signer|server\/tls)\//;

/** Ways to the same functions that no import shows. */
const hiddenWays = { global: 'crypto', member: 'getBuiltinModule' };

function privateKeyUses(sources: readonly SourceFacts[]): readonly string[] {
  const others = sources.filter(({ path }) => !mayUsePrivateKeys.test(path));
  return others.flatMap(({ path, imports, globals, members }) => [
    ...imports
      .filter(({ specifier, kind }) => specifier === 'node:crypto' && kind !== 'type')
      .flatMap(({ names, kind, line }) => {
        const found = kind === 'dynamic' ? ['*'] : names.filter((name) => privateKeyFunctions.test(name));
        return found.map((name) => `${path}:${line} imports ${name} of node:crypto`);
      }),
    ...globals
      .filter(({ name }) => name === hiddenWays.global)
      .map(({ line, member }) => `${path}:${line} uses the global crypto.${member}`),
    ...members
      .filter(({ name }) => name === hiddenWays.member)
      .map(({ line, name }) => `${path}:${line} uses ${name}`),
  ]);
}

function filesOf(sources: readonly SourceFacts[], ...folders: readonly string[]): readonly string[] {
  return sources.map(({ path }) => path).filter((path) => folders.includes(folderOf(path)));
}

function foreignLoads(sources: readonly SourceFacts[]): readonly string[] {
  const graph = runTimeGraph(sources, { lazy: true });
  const start = filesOf(sources, 'client', 'agent');
  return [...reachable(graph, start)].filter((name) => foreignToHosts.test(name));
}

describe('layers of src/', () => {
  let sources: readonly SourceFacts[] = [];

  before(() => {
    sources = readSourceFacts(join(repository, 'tsconfig.build.json'), join(repository, 'src'));
  });

  it('every folder and top-level file has a row in the import table', () => {
    const unknown = sources.filter(({ path }) => !table.has(folderOf(path)));
    assert.deepEqual(
      unknown.map(({ path }) => path),
      [],
    );
  });

  it('every row of the import table has code behind it', () => {
    const built = new Set(sources.map(({ path }) => folderOf(path)));
    const empty = [...table.keys()].filter((folder) => !built.has(folder) && !notYetBuilt.includes(folder));
    assert.deepEqual(empty, []);
  });

  it('folders import only what the table allows', () => {
    assert.deepEqual(checkFolders(sources, table), []);
  });

  it('packages are imported only where the table allows, and late where it says so', () => {
    assert.deepEqual(checkPackages(sources, table), []);
  });

  it('pure folders use no built-in module but node:crypto, in one file', () => {
    assert.deepEqual(checkBuiltIns(sources, table), []);
  });

  it('pure folders use no clock, randomness, network, timer, environment or locale', () => {
    const pure = sources.filter(({ path }) => pureFolders.includes(folderOf(path)));
    assert.deepEqual(
      pure.flatMap((source) => checkPurity(source, purityExceptions)),
      [],
    );
  });

  it('reviews of what is signed are computed alone: no disk, clock or key comes near them', () => {
    const reviews = sources.filter(({ path }) => path.startsWith('signer/review/'));
    assert.ok(reviews.length > 0);
    assert.deepEqual(
      reviews.flatMap((source) => checkPurity(source, [])),
      [],
    );
    const graph = runTimeGraph(sources, { lazy: true });
    const loaded = reachable(
      graph,
      reviews.map(({ path }) => path),
    );
    assert.deepEqual(
      [...loaded].filter((name) => /^(storage|cli)\/|\/(signing-key|key-source)\.ts$/.test(name)),
      [],
    );
  });

  it('files are imported by name, never through an index', () => {
    assert.deepEqual(checkSpecifiers(sources), []);
  });

  it('there is no import cycle at run time', () => {
    assert.deepEqual(findCycles(runTimeGraph(sources, { lazy: true })), []);
  });

  it('the picture names every folder, and no file that is not there', () => {
    const house = picture.slice(picture.indexOf('## 2.'), picture.indexOf('### How a command starts'));
    const folders = new Set(sources.flatMap(({ path }) => path.split('/').slice(0, -1)));
    assert.deepEqual(
      [...folders].filter((name) => !new RegExp(`(^|[^\\w-])${name}/`, 'm').test(house)),
      [],
    );
    const paths = sources.map(({ path }) => `/${path}`);
    const places = house.slice(house.indexOf('### Where is'));
    const named = [...places.matchAll(/`([\w/-]+\.ts)`/g)].map(([, file]) => file ?? '');
    assert.ok(named.length > 30);
    assert.deepEqual(
      named.filter((name) => !paths.some((path) => path.endsWith(`/${name}`))),
      [],
    );
  });

  it('no file is above 300 lines', () => {
    const long = sources.filter(({ lineCount }) => lineCount > 300);
    assert.deepEqual(
      long.map(({ path, lineCount }) => `${path}: ${lineCount}`),
      [],
    );
  });

  it('only code of the signer can use a private key, and nothing on a host loads it', () => {
    assert.deepEqual(privateKeyUses(sources), []);
    const signing = foreignLoads(sources).filter((name) => name.startsWith('signer/'));
    assert.deepEqual(signing, []);
  });

  it('the server cannot sign metadata', () => {
    const loaded = reachable(runTimeGraph(sources, { lazy: true }), filesOf(sources, 'server'));
    assert.deepEqual(
      [...loaded].filter((name) => name.startsWith('signer/')),
      [],
    );
  });

  it('the mirror cannot sign, and decides by trust/', () => {
    const files = filesOf(sources, 'mirror');
    const loaded = reachable(runTimeGraph(sources, { lazy: true }), files);
    assert.deepEqual(
      [...loaded].filter((name) => name.startsWith('signer/')),
      [],
    );
    if (files.length > 0) assert.ok([...loaded].some((name) => name.startsWith('trust/')));
  });

  it('a host loads neither express nor the AWS SDK nor anything that signs or serves', () => {
    assert.deepEqual(foreignLoads(sources), []);
  });

  it('only the two launchers decide which Node.js runs', () => {
    const importers = sources.filter(({ path, imports }) =>
      imports.some(({ specifier }) => specifier?.endsWith('/runtime.ts') && folderOf(path) !== 'runtime'),
    );
    assert.deepEqual(importers.map(({ path }) => path).toSorted(), ['agent/launch.ts', 'cli/launch.ts']);
  });

  it('a launcher loads nothing but the choice of Node.js before that choice is made', () => {
    const graph = runTimeGraph(sources, { lazy: false });
    for (const launcher of ['cli/launch.ts', 'agent/launch.ts'])
      assert.deepEqual(
        [...reachable(graph, [launcher])].toSorted(),
        [launcher, 'error-codes.ts', 'errors.ts', 'runtime.ts'].toSorted(),
      );
  });

  it('the command line loads no program before a command is chosen', () => {
    const loaded = reachable(runTimeGraph(sources, { lazy: false }), ['cli/main.ts']);
    const early = /^(client|agent|signer|mirror|server|provenance)\/|^(express|tuf-js)$/;
    assert.deepEqual(
      [...loaded].filter((name) => early.test(name)),
      [],
    );
  });
});

describe('layer rules', () => {
  let folder = '';
  let sources: readonly SourceFacts[] = [];

  /** One fault or more in each file, beside things that only look like faults. */
  const faulty: Readonly<Record<string, string>> = {
    'errors.ts': `export const text = \`\${'import "./trust/a.ts"'}\`; // import './trust/a.ts'`,
    'metadata/a.ts': `import { readFileSync } from 'node:fs';\nimport '../trust/a.ts';\nexport const a = readFileSync;`,
    'metadata/b.ts': `import { b } from './c.ts';\nexport const c = b;\n/* import './a.ts' */`,
    'metadata/c.ts': `export { c as d } from './b.ts';\nexport const b = Math.random() + Date.now();`,
    'trust/a.ts': `export const a = () => [new Date(), process.env.HOME, fetch, setTimeout, globalThis];`,
    'trust/b.ts': `const process = 1;\nexport const fine = { now: process, then: new Date(0) };\nexport type Timer = NodeJS.Timeout;\nexport const g = [Math, Date, fine.now, fine.then instanceof Date];`,
    'trust/c.ts': `export const d = new Date(2026, 1);\nexport const e = 'b'.localeCompare('a');\nexport const f = { process };`,
    'waves/index.ts': `export { a } from '../metadata/a.ts';`,
    'waves/a.ts': `import { a } from './index.ts';\nexport const b = a;\nexport const load = (name: string) => import(name);`,
    'storage/s3.ts': `import type { Express } from 'express';\nexport type App = Express;\nimport * as crypto from 'node:crypto';\nexport const s = crypto;`,
    'client/a.ts': `export const open = () => import('../storage/s3.ts');`,
    'client/b.ts': `import { createPrivateKey } from 'node:crypto';\nexport const key = createPrivateKey;`,
    'client/c.ts': `export const make = () => crypto.subtle.generateKey('Ed25519', false, ['sign']);`,
    'client/d.ts': `export const load = () => process.getBuiltinModule('node:crypto');`,
    'signer/a.ts': `import { sign } from '@sigstore/sign';\nexport const s = sign;`,
    'other/a.ts': `import '../errors.ts';`,
  };

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-layers-'));
    for (const [path, text] of Object.entries(faulty)) {
      mkdirSync(dirname(join(folder, 'src', path)), { recursive: true });
      writeFileSync(join(folder, 'src', path), text);
    }
    const compilerOptions = { rootDir: '.', typeRoots: [join(repository, 'node_modules', '@types')] };
    const project = { extends: join(repository, 'tsconfig.build.json'), compilerOptions, include: ['src'] };
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project));
    sources = readSourceFacts(join(folder, 'tsconfig.json'), join(folder, 'src'));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('a forbidden folder, or one without a row, is named', () => {
    assert.deepEqual(checkFolders(sources, table).toSorted(), [
      'metadata/a.ts:2 metadata may not import trust (trust/a.ts)',
      'other/a.ts:1 is in other, which has no row in the import table',
    ]);
  });

  it('a forbidden or early package is named', () => {
    assert.deepEqual(checkPackages(sources, table).toSorted(), [
      'signer/a.ts:1 @sigstore/sign is loaded by import() only',
      'storage/s3.ts:1 storage may not import the package express',
    ]);
  });

  it('a built-in module in a pure folder is named', () => {
    assert.deepEqual(checkBuiltIns(sources, table), ['metadata/a.ts:1 may not use node:fs']);
  });

  it('a clock, randomness, the environment and the locale are named, their look-alikes are not', () => {
    const violations = sources
      .filter(({ path }) => pureFolders.includes(folderOf(path)))
      .flatMap((source) => checkPurity(source, []));
    assert.deepEqual(violations.toSorted(), [
      'metadata/c.ts:2 uses Date.now',
      'metadata/c.ts:2 uses Math.random',
      'trust/a.ts:1 uses Date as a clock',
      'trust/a.ts:1 uses fetch',
      'trust/a.ts:1 uses globalThis',
      'trust/a.ts:1 uses process',
      'trust/a.ts:1 uses setTimeout',
      'trust/b.ts:4 hands Math on',
      'trust/b.ts:4 uses Date as a clock',
      'trust/c.ts:1 uses Date as a clock',
      'trust/c.ts:2 uses .localeCompare',
      'trust/c.ts:3 uses process',
    ]);
  });

  it('an index, and an import() that nobody can follow, are named', () => {
    assert.deepEqual(checkSpecifiers(sources).toSorted(), [
      'waves/a.ts:1 an index is for outsiders',
      'waves/a.ts:3 import() takes a plain string, so that rules can see it',
    ]);
  });

  it('a cycle is named, also through a re-export', () => {
    const cycles = findCycles(runTimeGraph(sources, { lazy: true }));
    assert.deepEqual(cycles, ['metadata/b.ts -> metadata/c.ts -> metadata/b.ts']);
  });

  it('a private key outside the signer is named, also through the whole module and past imports', () => {
    assert.deepEqual(privateKeyUses(sources).toSorted(), [
      'client/b.ts:1 imports createPrivateKey of node:crypto',
      'client/c.ts:1 uses the global crypto.subtle',
      'client/d.ts:1 uses getBuiltinModule',
      'storage/s3.ts:3 imports * of node:crypto',
    ]);
  });

  it('a host that would load object storage, even late, is named', () => {
    assert.deepEqual(foreignLoads(sources), ['storage/s3.ts']);
  });
});
