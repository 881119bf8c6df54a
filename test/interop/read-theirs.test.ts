/**
 * Repositories of tuftool and python-tuf, made on the spot: our client and our audit read all of them, and so does every
 * other client but those that are known not to; of these, the profile says so by name. Run by .ci/interop.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { serve } from '../../src/server/serve.ts';
import { DirectoryStore } from '../../src/storage/directory.ts';
import { type CommandLine, commandLine } from '../support/command-line.ts';
import { peers, readBy, wanted } from './peers.ts';
import { record, recorded } from './results.ts';
import { assertRefused, copyOf, tamperings } from './tampering.ts';
import { contentOf, makeTheirs, repositoryOf, rootsOf, theirs } from './their-repositories.ts';

const run = promisify(execFile);
const { TIDEGATE_TUFTOOL, TIDEGATE_TUFTOOL_OLD } = process.env;

/** What the profile calls a client. */
const inProfile: Readonly<Record<string, string>> = {
  tuftool: 'tough',
  'tuftool-old': 'tough',
  'go-tuf': 'go-tuf',
  'python-tuf': 'python-tuf',
  'tuf-js': 'tuf-js',
};

describe('interop: theirs, read by us and by others', function () {
  this.timeout(300_000);
  if (!wanted) {
    it('is what .ci/interop runs');
    return;
  }
  let made: string;
  let session: CommandLine;
  before(async () => {
    made = await makeTheirs();
  });
  after(() => {
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
  });
  beforeEach(() => {
    session = commandLine(Date.now());
  });
  afterEach(() => session.end());

  for (const their of theirs) {
    describe(their.name, () => {
      const unreadable = () => {
        const { folder, metadata } = repositoryOf(made, their);
        return typeof their.unreadable === 'function'
          ? their.unreadable(join(folder, metadata))
          : their.unreadable;
      };

      for (const peer of peers) {
        it(`DEP-08: ${peer.name} reads it from every root, or cannot as is known`, async () => {
          const repository = repositoryOf(made, their);
          const roots = rootsOf(repository);
          const contents = their.names.map((name) => contentOf(repository, name));
          const place = { part: 'theirs', row: their.name, peer: peer.name } as const;
          const why = unreadable()[peer.name];
          if (why !== undefined) {
            await assert.rejects(readBy(peer, repository, roots[0] ?? '', their.names), `${peer.name} can`);
            return record({ ...place, verdict: `no: ${why}` });
          }
          await recorded(place, async () => {
            for (const root of roots)
              assert.deepEqual((await readBy(peer, repository, root, their.names)).contents, contents);
          });
        });
      }

      it('tidegate verify finds it good, and the profile names who cannot read it', async () => {
        const repository = repositoryOf(made, their);
        const [root = ''] = rootsOf(repository);
        const location = ['verify', repository.folder, '--root', root, '--all'];
        if (their.metadata !== undefined) location.push('--repository', their.metadata);
        await recorded({ part: 'theirs', row: their.name, peer: 'tidegate verify' }, async () => {
          const { status, out, beside } = await session.type(location);
          assert.equal(status, 0, out + beside);
        });
        const { out } = await session.type([...location, '--profile', 'portable']);
        for (const peer of Object.keys(unreadable())) {
          const name = inProfile[peer] ?? peer;
          const said = out.split('\n').some((line) => line.includes('profile') && line.includes(name));
          assert.ok(said, `the profile does not name ${name}:\n${out}`);
        }
      });

      it('we refuse it altered', async () => {
        const [ours] = peers;
        assert.ok(ours !== undefined);
        const repository = repositoryOf(made, their);
        const target = their.names.at(-1) ?? '';
        const [root = ''] = rootsOf(repository);
        const untouched = copyOf(repository, target);
        try {
          await readBy(ours, untouched, root, [target]);
        } finally {
          untouched.end();
        }
        for (const { name, apply } of tamperings) {
          const copy = apply(repository, target);
          if (copy === undefined) continue;
          try {
            await assertRefused(readBy(ours, copy, root, [target]), name);
          } finally {
            copy.end();
          }
        }
      });
    });
  }

  for (const [name, tuftool] of Object.entries({
    tuftool: TIDEGATE_TUFTOOL,
    'tuftool-old': TIDEGATE_TUFTOOL_OLD,
  })) {
    if (tuftool === undefined) continue;
    it(`a host of ours takes its images from what ${name} published, before and after we take over`, async () => {
      const path = (file: string): string => join(session.directory, file);
      await publishWithTuftool(tuftool, session.directory);
      const type = async (line: string) => {
        const typed = await session.type(line);
        assert.equal(typed.status, 0, `tidegate ${line}: ${typed.out}${typed.beside}`);
        return typed;
      };
      const variant = '--variant demo/x86_64';
      await type(`adopt theirs w --name example/os --root 1.root.json --store ../theirs ${variant}`);
      const server = await serve({ store: new DirectoryStore(path('theirs')), port: 0 });
      try {
        await recorded(
          { part: 'theirs', row: `${name}: images of a host`, peer: 'tidegate-agent' },
          async () => {
            await type(`host new h -w w --url ${server.url} --running 0.9.0 --seed 7`);
            assert.match(
              (await type('host check --config h/agent.toml')).out,
              /demo x86_64 1\.0\.0 is to be taken/,
            );
            await type('host prepare --config h/agent.toml');
            copyFileSync(path('w-root.key.json'), path('w/keys/root.key.json'));
            writeFileSync(path('next.img'), 'the next image\n');
            const images = ['boot', 'root', 'hash'].map((kind) => `${kind}=next.img`).join(' ');
            await type(`release add ${images} -w w --version 1.1.0 --naming standard --waves none`);
            await type('publish -w w');
            assert.match((await type('host check --config h/agent.toml')).out, /1\.1\.0/);
          },
        );
      } finally {
        await server.close();
      }
    });
  }
});

/** Three LZ4 frames and a manifest, as pubsys publishes them; the one key is left as w-root.key.json. */
async function publishWithTuftool(tuftool: string, directory: string): Promise<void> {
  const path = (file: string): string => join(directory, file);
  const session = commandLine(Date.now());
  try {
    await session.type(`key new root --directory ${directory} --insecure-development-keys`);
    const output = path('root.der');
    await session.type(`key export root --directory ${directory} --for tuftool --unencrypted -o ${output}`);
  } finally {
    session.end();
  }
  copyFileSync(path('root.key.json'), path('w-root.key.json'));
  const root = path('1.root.json');
  await run(tuftool, ['root', 'init', root]);
  await run(tuftool, ['root', 'expire', root, 'in 300 days']);
  for (const role of ['root', 'targets', 'snapshot', 'timestamp']) {
    await run(tuftool, ['root', 'set-threshold', root, role, '1']);
    await run(tuftool, ['root', 'add-key', root, '--key', path('root.der'), '--role', role]);
  }
  await run(tuftool, ['root', 'sign', root, '--key', path('root.der')]);
  mkdirSync(path('input'));
  for (const kind of ['boot', 'root', 'hash'])
    copyFileSync(
      join(import.meta.dirname, '..', 'agent', 'lz4', 'text-linked.lz4'),
      path(`input/${kind}.lz4`),
    );
  const images = { boot: 'boot.lz4', root: 'root.lz4', hash: 'hash.lz4' };
  const update = {
    variant: 'demo',
    arch: 'x86_64',
    version: '1.0.0',
    max_version: '1.0.0',
    waves: {},
    images,
  };
  writeFileSync(path('input/manifest.json'), JSON.stringify({ updates: [update], migrations: {} }));
  const version = String(Math.floor(Date.now() / 1000));
  const numbers = ['targets', 'snapshot', 'timestamp'].flatMap((role) => [
    `--${role}-version`,
    version,
    `--${role}-expires`,
    'in 7 days',
  ]);
  const places = ['--root', root, '--add-targets', path('input'), '--outdir', path('made')];
  await run(tuftool, ['create', ...places, '--key', path('root.der'), ...numbers]);
  mkdirSync(path('theirs/demo'), { recursive: true });
  await run('cp', ['-rL', path('made/metadata'), path('theirs/demo/x86_64')]);
  await run('cp', ['-rL', path('made/targets'), path('theirs/targets')]);
}
