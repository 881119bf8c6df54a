import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { deadMark } from '../support/client-scene.ts';
import { type CommandLine, commandLine } from '../support/command-line.ts';
import { copyKeyFixture, fixturePassphrase, keyFixture } from '../support/key-fixtures.ts';

function hasGit(): boolean {
  try {
    execFileSync('git', ['--version']);
    return true;
  } catch {
    return false;
  }
}

describe('tidegate key', function () {
  this.slow(3000);
  let session: CommandLine;

  beforeEach(() => {
    session = commandLine();
    for (const [name, text] of [
      ['old', fixturePassphrase],
      ['new', 'another passphrase'],
    ] as const)
      writeFileSync(at(name), `${text}\n`, { mode: 0o600 });
  });

  afterEach(() => session.end());

  function at(...names: readonly string[]): string {
    return join(session.directory, ...names);
  }

  it('makes keys without a workspace, with words to read aloud, and refuses to make them again', async () => {
    const made = await session.type('key new alice bob --passphrase-file old');
    assert.equal(made.status, 0, made.beside);
    assert.match(
      made.out,
      /key alice \(ed25519\)\n {2}key id {8}[0-9a-f]{64}\n {2}words {9}(?:[a-z]{5}-){7}[a-z]{5} /,
    );
    assert.match(made.out, /bob\.pub \(every command takes it\)/);
    for (const name of ['alice', 'bob']) {
      assert.equal(statSync(at(`${name}.key.json`)).mode & 0o777, 0o600);
      // Each has the whole passphrase: a copy that was wiped would show here.
      const exported = await session.type(
        `key export ${name} --format pem --unencrypted -o ${name}.pem --passphrase-file old`,
      );
      assert.equal(exported.status, 0, exported.beside);
      assert.match(exported.beside, /warning: .*is not encrypted/);
    }
    const again = await session.type('key new alice --passphrase-file old');
    assert.equal(again.status, 87);
    assert.match(again.beside, /\[name-taken\] .*alice\.pub exists already/);
    assert.equal((await session.type('key new Alice --passphrase-file old')).status, 64);
    assert.equal((await session.type('key new carol --cost 12')).status, 64);
  });

  it('makes keys of every kind in the folder of the workspace, where their roles are listed', async () => {
    await session.type('init acme --insecure-development-keys');
    session.environment.TIDEGATE_WORKSPACE = 'acme';
    for (const type of ['ed25519', 'ecdsa-p256', 'rsa-pss'])
      await session.type(`key new extra-${type} --type ${type} --insecure-development-keys`);
    assert.ok(existsSync(at('acme', 'keys', 'extra-rsa-pss.key.json')));
    const listed = await session.type('key list');
    assert.match(listed.out, /^targets: targets\n {2}key id {8}[0-9a-f]{64}\n {2}words/m);
    assert.match(listed.out, /extra-rsa-pss\n/);
    assert.match(listed.beside, /warning: .*extra-ed25519\.key\.json is not encrypted/);
  });

  it('lists where each private half is', async () => {
    await session.type('init acme --insecure-development-keys');
    const toml = at('acme', 'tidegate.toml');
    writeFileSync(
      toml,
      `${readFileSync(toml, 'utf8')}\n[keys]\ntimestamp = "awskms:alias/timestamp?region=eu-west-1"\n`,
    );
    copyFileSync(at('acme', 'keys', 'root-1.pub'), at('acme', 'keys', 'friend.pub'));
    writeFileSync(at('acme', 'keys', 'odd.key.json'), 'no key', { mode: 0o600 });
    const listed = (await session.type('key list -w acme --json')).json() as {
      name: string;
      privateHalf: string;
      place?: string;
      warnings: string[];
    }[];
    const of = (name: string) => listed.find((key) => key.name === name);
    assert.equal(of('timestamp')?.privateHalf, 'at-address');
    assert.equal(of('timestamp')?.place, 'awskms:alias/timestamp?region=eu-west-1');
    assert.equal(of('snapshot')?.privateHalf, 'unencrypted');
    assert.equal(of('friend')?.privateHalf, 'elsewhere');
    assert.equal(of('odd')?.privateHalf, 'damaged');
    assert.match(of('odd')?.warnings.join() ?? '', /odd\.pub is missing.*is damaged/);
  });

  it('signs with a key from where tidegate.toml says that it is', async () => {
    await session.type('init acme --insecure-development-keys');
    mkdirSync(at('stick'));
    const file = at('acme', 'keys', 'timestamp.key.json');
    copyFileSync(file, at('stick', 'elsewhere.key.json'));
    execFileSync('rm', [file]);
    const toml = at('acme', 'tidegate.toml');
    writeFileSync(toml, `${readFileSync(toml, 'utf8')}\n[keys]\ntimestamp = "../stick/elsewhere.key.json"\n`);
    writeFileSync(at('disk.img'), 'an image');
    await session.type('release add disk.img --version 1.0.0 -w acme');
    const published = await session.type('publish -w acme');
    assert.equal(published.status, 0, published.beside);
    execFileSync('rm', [at('stick', 'elsewhere.key.json')]);
    const refused = await session.type('refresh --force -w acme');
    assert.equal(refused.status, 80, refused.beside);
    assert.match(refused.beside, /missing: timestamp/);
  });

  it('imports, rewraps and exports, each with the passphrases of its own options', async () => {
    copyKeyFixture('ec.p12', at('release.p12'));
    const weak = await session.type('key import release.p12 --passphrase-file old --new-passphrase-file new');
    assert.equal(weak.status, 88);
    assert.match(weak.beside, /\[key-unusable\].*add --rewrap/);
    const dry = await session.type(
      'key import release.p12 --rewrap --passphrase-file old --new-passphrase-file new --dry-run',
    );
    assert.match(dry.out, /nothing was written/);
    assert.equal(existsSync(at('release.pub')), false);
    const imported = await session.type(
      'key import release.p12 --rewrap --passphrase-file old --new-passphrase-file new',
    );
    assert.equal(imported.status, 0, imported.beside);
    assert.match(imported.beside, /release\.p12 \(PKCS#12\) was left as it is; destroy it/);
    const rewrapped = await session.type(
      'key rewrap release --passphrase-file release=new --new-passphrase-file old',
    );
    assert.equal(rewrapped.status, 0, rewrapped.beside);
    const refused = await session.type('key export release --for tuftool -o out.der --passphrase-file old');
    assert.equal(refused.status, 64);
    assert.match(refused.beside, /add --unencrypted/);
    const left = at(`.tidegate-tmp-${deadMark()}-0123456789abcdef`);
    writeFileSync(left, 'a key that an export which was killed has left', { mode: 0o600 });
    await session.type('key export release --for tuftool --unencrypted -o out.der --passphrase-file old');
    assert.equal(existsSync(left), false);
    assert.deepEqual(readFileSync(at('out.der')), keyFixture('ec-pkcs8.der'));
    assert.equal(statSync(at('out.der')).mode & 0o777, 0o600);
  });

  it('asks on a terminal: once for the old passphrase, twice for the new one', async () => {
    copyKeyFixture('ec.p12', at('release.p12'));
    session.secrets.push(fixturePassphrase, 'another passphrase', 'another passphrase');
    const imported = await session.type('key import release.p12 --rewrap');
    assert.equal(imported.status, 0, imported.beside);
    session.secrets.push(fixturePassphrase, 'another passphrase', 'anotherpassphrase');
    const differ = await session.type('key import release.p12 --rewrap --name other');
    assert.match(differ.beside, /the two passphrases differ; nothing was made/);
    assert.deepEqual(
      readdirSync(session.directory).filter((name) => name.startsWith('other')),
      [],
    );
  });

  it('SGN-08: wrong passphrases: the same answer, the file untouched, no lock-out', async () => {
    await session.type('key new alice --passphrase-file old');
    const before = readFileSync(at('alice.key.json'));
    const answers = new Set<string>();
    for (let guess = 0; guess < 3; guess += 1) {
      writeFileSync(at('guess'), `guess number ${guess}`, { mode: 0o600 });
      const { status, beside } = await session.type(
        'key rewrap alice --passphrase-file guess --new-passphrase-file new',
      );
      answers.add(`${status} ${beside}`);
    }
    assert.equal(answers.size, 1);
    assert.match([...answers].join(), /^88 error \[passphrase-wrong\]/);
    assert.deepEqual(readFileSync(at('alice.key.json')), before);
    assert.deepEqual(readdirSync(session.directory).sort(), [
      'alice.key.json',
      'alice.pub',
      'guess',
      'new',
      'old',
    ]);
  });

  it('says with --dry-run what new and rewrap would do, and writes nothing', async () => {
    assert.match(
      (await session.type('key new alice --dry-run')).out,
      /would make ed25519 keys in .*: alice; nothing/,
    );
    await session.type('key new bob --insecure-development-keys -d elsewhere');
    const file = at('elsewhere', 'bob.key.json');
    const before = readFileSync(file);
    const dry = await session.type('key rewrap elsewhere/bob.key.json --new-passphrase-file new --dry-run');
    assert.equal(dry.status, 0, dry.beside);
    assert.match(dry.out, /would lock .*bob\.key\.json anew; nothing was written/);
    assert.deepEqual(readFileSync(file), before);
    assert.equal(existsSync(at('alice.pub')), false);
    assert.match(
      (await session.type('key list -w nowhere')).beside,
      /\[workspace-invalid\] .*has no tidegate\.toml/,
    );
  });

  it('SGN-04: no option takes a passphrase itself', async () => {
    for (const option of ['--password', '--passphrase', '--pin']) {
      const { status } = await session.type(['key', 'new', 'alice', option, 'secret words']);
      assert.equal(status, 64);
    }
    assert.match(
      (await session.type('key new alice')).beside,
      /there is no terminal to ask on; give --passphrase-file/,
    );
  });

  it('SGN-43: git ignores the private keys of a workspace', async function () {
    if (!hasGit()) this.skip();
    await session.type('init acme --insecure-development-keys');
    execFileSync('git', ['init', '-q'], { cwd: at('acme') });
    execFileSync('git', ['add', '-A'], { cwd: at('acme') });
    const staged = execFileSync('git', ['ls-files'], { cwd: at('acme'), encoding: 'utf8' });
    assert.match(staged, /keys\/root-1\.pub/);
    assert.doesNotMatch(staged, /\.key\.json/);
  });

  it('SGN-43: a commit that would bring a private key is refused, and one that has come is warned of', async function () {
    if (!hasGit()) this.skip();
    const git = (...argv: readonly string[]) => execFileSync('git', [...argv], { cwd: session.directory });
    assert.equal((await session.type('key check-commit')).status, 64);
    git('init', '-q');
    await session.type('key new alice --passphrase-file old');
    writeFileSync(at('harmless.txt'), keyFixture('ec-pkcs8.pem'));
    writeFileSync(at('public.pem'), keyFixture('ec-public.pem'));
    git('add', 'alice.pub', 'public.pem');
    assert.equal((await session.type('key check-commit')).status, 0);
    git('add', '-f', 'harmless.txt', 'alice.key.json');
    const refused = await session.type('key check-commit');
    assert.equal(refused.status, 88);
    assert.match(
      refused.beside,
      /alice\.key\.json \(a key file of Tidegate\), harmless\.txt \(PKCS#8 in PEM\)/,
    );
    assert.match((await session.type('key list')).beside, /alice\.key\.json is under version control/);
    const exported = await session.type(
      'key export alice --for tuftool --unencrypted -o a.der --passphrase-file old',
    );
    assert.match(exported.beside, /\[key-file-permissions\] .*is under version control/);
  });
});
