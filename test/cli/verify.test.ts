import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serve } from '../../src/server/serve.ts';
import { openStore } from '../../src/storage/location.ts';
import { type CommandLine, commandLine } from '../support/command-line.ts';

interface Report {
  readonly at: string;
  readonly repositories: readonly {
    readonly repository: string;
    readonly origin: string;
    readonly roles: readonly { readonly role: string }[];
    readonly problems: readonly { readonly code: string }[];
    readonly files: { readonly verified: number; readonly listed: number };
  }[];
}

const day = 86_400_000;

/** A published workspace in the layout `single`, or of two fleets in that of Bottlerocket. */
async function published(kind: 'single' | 'bottlerocket'): Promise<CommandLine> {
  const session = commandLine();
  session.environment.TIDEGATE_WORKSPACE = 'acme';
  const layout =
    kind === 'single' ? '' : ' --template bottlerocket --variant demo/x86_64 --variant demo/aarch64';
  assert.equal((await session.type(`init acme --insecure-development-keys${layout}`)).status, 0);
  for (const arch of kind === 'single' ? ['x86_64'] : ['x86_64', 'aarch64']) {
    const images = kind === 'single' ? ['disk'] : ['boot', 'root', 'hash'];
    for (const image of images)
      writeFileSync(join(session.directory, `${image}-${arch}.img`), `${image} ${arch}`);
    const given =
      kind === 'single'
        ? `disk-${arch}.img`
        : images.map((image) => `${image}=${image}-${arch}.img`).join(' ');
    const added = await session.type(`release add ${given} --variant demo --arch ${arch} --version 1.0.0`);
    assert.equal(added.status, 0, added.beside);
  }
  const done = await session.type('publish');
  assert.equal(done.status, 0, done.beside);
  return session;
}

describe('tidegate verify', () => {
  let session = commandLine();
  afterEach(() => session.end());

  it('audits what the workspace has published, in both layouts, and finds it portable', async () => {
    for (const [kind, count] of [
      ['single', 1],
      ['bottlerocket', 2],
    ] as const) {
      session = await published(kind);
      const typed = await session.type('verify --profile strict');
      assert.equal(typed.status, 0, typed.out + typed.beside);
      assert.equal(typed.out.match(/: good\n {2}trust begins with the root that was given/g)?.length, count);
      if (kind === 'single') session.end();
    }
  });

  it('finds the repositories of a folder by itself, and says that without a root nothing proves their origin', async () => {
    session = await published('bottlerocket');
    const typed = await session.type('verify acme/repository');
    assert.equal(typed.status, 0, typed.beside);
    assert.match(typed.out, /demo\/aarch64: good[\s\S]*demo\/x86_64: good/);
    assert.match(typed.out, /not proven to be whose it claims/);
    const one = await session.type(
      'verify acme/repository --repository demo/x86_64 --root acme/roots/1.root.json',
    );
    assert.ok(!one.out.includes('aarch64') && /root that was given/.test(one.out), one.out);
    assert.equal((await session.type('verify acme/keys')).status, 69);
    assert.equal((await session.type('verify --repository demo/riscv')).status, 64);
    assert.equal((await session.type('verify acme/nowhere')).status, 69);
  });

  it('audits an address, a sample of it, and says all of it as data', async () => {
    session = await published('single');
    const server = await serve({
      store: await openStore(join(session.directory, 'acme/repository')),
      port: 0,
      host: '127.0.0.1',
    });
    try {
      const root = '--root acme/roots/1.root.json --json';
      const typed = await session.type(`verify ${server.url} ${root} --sample 50% --seed x --at 2030-01-02`);
      assert.equal(typed.status, 0, typed.beside);
      const { at, repositories } = typed.json() as Report;
      assert.equal(at, '2030-01-02T00:00:00Z');
      assert.deepEqual(
        repositories.map(({ origin, files }) => [origin, files.listed, files.verified]),
        [['proven', 2, 1]],
      );
      const apart = `--metadata-url ${server.url}/metadata --targets-url ${server.url}/targets`;
      const all = (await session.type(`verify ${apart} ${root} --all`)).json() as Report;
      assert.equal(all.repositories[0]?.files.verified, 2);
      assert.equal((await session.type(`verify ${server.url}/elsewhere`)).status, 69);
    } finally {
      await server.close();
    }
  });

  it('ends with the status of the first error, and names all of them', async () => {
    session = await published('single');
    const targets = join(session.directory, 'acme/repository/targets');
    for (const name of readdirSync(targets)) rmSync(join(targets, name));
    const typed = await session.type('verify --at +8d');
    assert.equal(typed.status, 82, typed.out);
    assert.equal(typed.out.match(/error \[/g)?.length, 4);
    assert.match(
      typed.out,
      /error \[expired\] timestamp\.json[\s\S]*error \[not-found\] [0-9a-f]{64}\.disk-x86_64\.img is missing/,
    );
    session.now += 8 * day;
    const { repositories } = (await session.type('verify --json')).json() as Report;
    assert.deepEqual(repositories[0]?.problems.map(({ code }) => code).toSorted(), [
      'expired',
      'not-found',
      'not-found',
      'not-found',
    ]);
  });

  it('SPEC-24: what we write with delegations and custom passes every profile, in both layouts', async () => {
    for (const kind of ['single', 'bottlerocket'] as const) {
      session = await published(kind);
      writeFileSync(join(session.directory, 'fw-7.bin'), 'firmware 7');
      writeFileSync(join(session.directory, 'fw.json'), '{"os-update":{"board":"a1","parts":[1,2]}}');
      const repository = kind === 'single' ? '' : ' --repository demo/x86_64';
      for (const line of [
        'delegate add firmware --keys targets --paths fw-*',
        'delegate add later --keys targets --paths later-? --terminating',
        `target add fw-7.bin --role firmware --custom @fw.json${repository}`,
        'publish',
      ]) {
        const typed = await session.type(line);
        assert.equal(typed.status, 0, `${line}: ${typed.beside}`);
      }
      const report = await session.type('verify --profile strict --json');
      assert.equal(report.status, 0, report.out);
      const { repositories } = report.json() as Report;
      for (const { roles } of repositories)
        assert.deepEqual(
          roles.slice(4).map(({ role }) => role),
          ['firmware', 'later'],
        );
      if (kind === 'single') session.end();
    }
  });

  it('looks at the form of a single file', async () => {
    session = await published('single');
    const good = await session.type('verify acme/repository/metadata/1.targets.json');
    assert.deepEqual(
      [good.status, /nothing found \(profile strict; only its form/.test(good.out)],
      [0, true],
    );
    const file = join(session.directory, '1.targets.json');
    copyFileSync(join(session.directory, 'acme/repository/metadata/1.targets.json'), file);
    writeFileSync(
      file,
      '{"signatures":[],"signed":{"_type":"targets","spec_version":"1.0.0","version":1,"expires":"2030-01-01T00:00:00.5Z","targets":{}}}',
    );
    const odd = await session.type('verify 1.targets.json --profile portable');
    assert.equal(odd.status, 77);
    assert.match(odd.out, /python-tuf reads whole seconds alone/);
    assert.equal(
      ((await session.type('verify 1.targets.json --json')).json() as { findings: unknown[] }).findings
        .length,
      1,
    );
  });

  it('reads no file without bound', async () => {
    session = await published('single');
    const big = join(session.directory, 'big.json');
    writeFileSync(big, '');
    truncateSync(big, 2 ** 26 + 1);
    const { status, beside } = await session.type('verify big.json');
    assert.deepEqual([status, /\[length-limit\].*67108864/.test(beside)], [66, true]);
  });

  it('ends with 77 when only the profile finds fault', async () => {
    session = await published('single');
    const { RepositorySimulator } = await import('../support/repository-simulator.ts');
    const { signingKey } = await import('../support/signing-keys.ts');
    const repository = new RepositorySimulator();
    repository.setKeys('targets', [signingKey('old', 'ecdsa p256')]);
    repository.writeAll();
    repository.dump(join(session.directory, 'foreign'));
    const typed = await session.type('verify foreign --profile bottlerocket');
    assert.equal(typed.status, 77, typed.out);
    assert.match(typed.out, /tough from 0\.12\.1 up to 0\.17\.0 cannot read keytype ecdsa/);
    assert.equal((await session.type('verify foreign')).status, 0);
  });

  it('refuses options that do not go together', async () => {
    session = commandLine();
    for (const line of [
      '--metadata-url http://a',
      '. --metadata-url http://a --targets-url http://b',
      '. --sample 3 --all',
      '. --sample many',
      '. --root none',
    ])
      assert.equal((await session.type(`verify ${line}`)).status, 64, line);
  });
});
