/** The first ceremony, 2 of 3, as three people and an operator type it, each in a folder of their own. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandLine, commandLine, type Typed } from '../support/command-line.ts';

const people = ['alice', 'bob', 'carol'];

describe('tidegate: a ceremony on several machines', () => {
  let session: CommandLine;
  let typed: string[];

  beforeEach(() => {
    session = commandLine();
    typed = [];
    writeFileSync(join(session.directory, 'disk-1.0.0.img'), 'an image');
    for (const person of people) mkdirSync(join(session.directory, person));
  });

  afterEach(() => session.end());

  async function type(line: string): Promise<Typed> {
    typed.push(line);
    return await session.type(line);
  }

  async function good(line: string): Promise<Typed> {
    const result = await type(line);
    assert.equal(result.status, 0, `${line}: ${result.beside}`);
    return result;
  }

  /** A file that is carried from one folder to another, and nothing else. */
  function carry(from: string, to: string): void {
    cpSync(join(session.directory, from), join(session.directory, to));
  }

  /** Each makes a key that never leaves their folder. */
  async function makeKeys(): Promise<void> {
    for (const person of people) {
      await good(`key new ${person} --directory ${person} --insecure-development-keys`);
      carry(`${person}/${person}.pub`, `${person}.pub`);
    }
  }

  /** Signs the request in a folder with nothing but it and the key. */
  async function sign(person: string, request: string): Promise<string> {
    const name = request.slice(request.lastIndexOf('/') + 1);
    carry(request, `${person}/${name}`);
    const { sha256 } = JSON.parse(readFileSync(join(session.directory, request), 'utf8'));
    await good(`sign ${person}/${name} --key ${person}/${person}.key.json --digest ${sha256}`);
    return `${person}/${name}`;
  }

  it('SGN-18, SGN-32: the first root, 2 of 3, on three folders, by files only', async () => {
    await makeKeys();
    typed = [];
    await good(
      'init acme --root-keys alice.pub,bob.pub,carol.pub --root-threshold 2 --insecure-development-keys',
    );
    session.environment.TIDEGATE_WORKSPACE = join(session.directory, 'acme');
    const request = 'acme/requests/root-1.request.json';
    assert.ok(!existsSync(join(session.directory, 'acme/roots/1.root.json')));
    const early = await type('publish');
    assert.match(early.beside, /root 1 waits for signatures: 0 of 2 by its own keys/);
    assert.match(early.beside, /error \[workspace-invalid\] no root is signed yet/);
    const copies = [await sign('carol', request), await sign('alice', request)];
    const short = await type(`publish ${copies[0]}`);
    assert.match(
      short.beside,
      /error \[signatures-missing\] root 1: 1 of 2 by its own keys; it lacks 1 more/,
    );
    assert.ok(!existsSync(join(session.directory, 'acme/repository')));
    const proposed = await good(`targets propose ${copies.join(' ')}`);
    assert.match(
      proposed.out,
      /root 1 is signed by enough\nmetadata: targets 1, to be signed by 1 of root 1's/,
    );
    const { requests } = (await session.type('status --json')).json() as { requests: { role: string }[] };
    assert.deepEqual(
      requests.map(({ role }) => role),
      ['targets'],
    );
    await good(`publish ${copies.join(' ')}`);
    const root = readFileSync(join(session.directory, 'acme/repository/metadata/1.root.json'));
    assert.deepEqual(root, readFileSync(join(session.directory, 'acme/roots/1.root.json')));
    assert.ok(!existsSync(join(session.directory, request)));
    assert.match((await good('root show')).out, /root 1 of acme[\s\S]*root +2 of alice, bob, carol/);
  });

  it('the next root and targets: propose, two sign, publish', async () => {
    await makeKeys();
    const keys = 'alice.pub,bob.pub,carol.pub';
    const given = `--targets-keys ${keys} --targets-threshold 2`;
    await good(`init acme ${given} --insecure-development-keys --dry-run`);
    assert.ok(!existsSync(join(session.directory, 'acme')));
    await good(`init acme ${given} --insecure-development-keys`);
    session.environment.TIDEGATE_WORKSPACE = join(session.directory, 'acme');
    await good('release add disk-1.0.0.img --version 1.0.0 --waves none');
    assert.match((await good('plan')).out, /nothing was written\. Next: tidegate targets propose\n/);
    const refused = await type('publish');
    assert.match(refused.beside, /To have it signed elsewhere: tidegate targets propose/);
    typed = [];
    await good('targets propose');
    const request = 'acme/requests/targets-1.request.json';
    const copies = [await sign('bob', request), await sign('alice', request)];
    await good(`publish ${copies.join(' ')}`);
    assert.deepEqual(
      typed.map((line) => line.split(' ')[0]),
      ['targets', 'sign', 'sign', 'publish'],
    );
    assert.match((await good('status')).out, /targets/);
    assert.match((await good('plan')).out, /nothing to publish/);
    await good('verify acme/repository --root acme/roots/1.root.json --profile bottlerocket --all');
  });

  it('signs at once what it asks for; another key leaves the request as it is', async () => {
    await makeKeys();
    await good(
      'init acme --root-keys alice.pub,bob.pub,carol.pub --root-threshold 2 --insecure-development-keys',
    );
    session.environment.TIDEGATE_WORKSPACE = join(session.directory, 'acme');
    const copies = [
      await sign('alice', 'acme/requests/root-1.request.json'),
      await sign('bob', 'acme/requests/root-1.request.json'),
    ];
    await good(`publish ${copies.join(' ')}`);
    const dry = await good('root propose --dry-run --sign-with carol/carol.key.json');
    assert.match(dry.out, /nothing was written/);
    const wrong = await type('root propose --sign-with acme/keys/timestamp.key.json');
    assert.match(wrong.beside, /error \[key-unusable\]/);
    const path = join(session.directory, 'acme/requests/root-2.request.json');
    assert.match(readFileSync(path, 'utf8'), /"signatures": \[\]/);
    const { out } = await good('root propose --sign-with carol/carol.key.json');
    assert.match(
      out,
      /what it says, against root 1[\s\S]*signed .*: 1 of 2 by root 1's keys, 1 of 2 by root 2's keys/,
    );
    assert.doesNotMatch(readFileSync(path, 'utf8'), /"signatures": \[\]/);
  });

  const refusals: readonly (readonly [string, RegExp])[] = [
    ['init x --root-keys alice.pub,alice.pub', /two|twice|same/],
    ['init x --root-keys alice.pub,bob.pub --root-threshold 3', /threshold: found 3/],
    ['init x --root-keys alice.pub,bob.pub --root-threshold 1', /--override root-threshold/],
    ['init x --root-threshold 2', /--root-threshold needs --root-keys/],
    ['init x --sign-with alice/alice.key.json', /--sign-with needs --root-keys/],
    ['init no/x', /no does not exist; make it first/],
    ['init x,y', /error \[usage\] "x,y" can be no name of a repository; .*--name NAME/],
    ['init x --root-keys alice.pub,bob.pub --timestamp-keys bob.pub', /--override shared-keys/],
  ];

  it('SGN-14, SGN-15: keys and thresholds that make no root are refused before anything is written', async () => {
    await makeKeys();
    for (const [line, message] of refusals) {
      const refused = await type(`${line} --insecure-development-keys`);
      assert.match(refused.beside, message, line);
      assert.notEqual(refused.status, 0);
      assert.ok(!existsSync(join(session.directory, 'x')));
    }
  });
});
