import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DirectoryStore } from '../../src/storage/directory.ts';
import {
  type AwsEndpoint,
  awsRegion,
  deniedBy,
  type EndpointParameter,
  startAwsEndpoint,
  type Trouble,
} from '../support/aws-endpoint.ts';
import { awsVariables, setVariables } from '../support/aws-environment.ts';
import { type CommandLine, commandLine } from '../support/command-line.ts';
import { startPlainServer } from '../support/plain-server.ts';

const images = { boot: 'boot image', root: 'root image', hash: 'tree' } as const;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('tidegate latest', () => {
  let session: CommandLine;
  let main: CommandLine;
  const run = async (line: string): Promise<string> => {
    const { status, out, beside } = await session.type(line);
    assert.equal(status, 0, `${line}: ${beside}`);
    return out;
  };

  before(async () => {
    session = commandLine(Date.now());
    await run('init acme --insecure-development-keys --template bottlerocket --variant demo/x86_64');
    for (const version of ['1.0.0', '1.1.0']) {
      const files = Object.entries(images).map(([kind, text]) => {
        writeFileSync(
          join(session.directory, `${version}-${kind}.lz4`),
          version === '1.1.0' ? text : `${text} before`,
        );
        return `${kind}=${version}-${kind}.lz4`;
      });
      await run(`release add ${files.join(' ')} --version ${version} -w acme`);
    }
    await run('publish -w acme');
    main = session;
  });

  after(() => session.end());

  it('prints version, names, addresses and hashes, as text, as data and as one value', async () => {
    const text = await run('latest demo x86_64 -w acme');
    assert.match(text, /^demo x86_64 1\.1\.0, open to all hosts from 20/);
    assert.ok(text.includes(`sha256 ${sha256('root image')}`));
    const data = JSON.parse(await run('latest demo x86_64 1.0.0 -w acme --json'));
    assert.deepEqual([data.version, data.maxVersion, data.images.length], ['1.0.0', '1.1.0', 3]);
    assert.equal(await run('latest demo x86_64 -w acme --field version'), '1.1.0\n');
    const url = (await run('latest demo x86_64 -w acme --field url --image boot')).trim();
    assert.equal(readFileSync(url, 'utf8'), 'boot image');
    assert.equal(await run('latest demo x86_64 -w acme --field length'), '10\n');
    assert.equal((await session.type('latest demo x86_64 -w acme --field url --image image')).status, 64);
    assert.match(
      (await session.type('latest demo x86_64 9.0.0 -w acme')).beside,
      /\[not-found\] no release of demo x86_64 9\.0\.0/,
    );
    assert.match(
      (await session.type('latest demo aarch64 -w acme')).beside,
      /\[not-found\] demo aarch64 is not in tidegate\.toml/,
    );
    const server = await startPlainServer(new DirectoryStore(join(session.directory, 'acme', 'repository')));
    try {
      const from = `--from ${server.origin} --root acme/roots/1.root.json`;
      assert.match(
        await run(`latest demo x86_64 ${from} --field url`),
        /^http:\/\/127\.0\.0\.1:\d+\/targets\/[0-9a-f]{64}\.1\.1\.0-root\.lz4\n$/,
      );
      assert.match(await run(`waves show demo x86_64 1.1.0 ${from}`), /^release demo x86_64 1\.1\.0/);
      assert.match((await session.type(`waves show demo ${from}`)).beside, /name the latter for an address/);
    } finally {
      await server.close();
    }
  });

  it('is no release that is paused or withdrawn, as the parameters that it writes', async () => {
    const shown = async (line: string): Promise<string> =>
      (await session.type(line)).out.split('\n')[0] ?? '';
    const keep = session.directory;
    const other = commandLine(session.now);
    cpSync(keep, other.directory, { recursive: true });
    session = other;
    try {
      await run('waves pause demo x86_64 1.1.0 -w acme --publish');
      assert.match(await shown('latest demo x86_64 -w acme'), /^demo x86_64 1\.0\.0/);
      assert.equal(await shown('latest demo x86_64 1.1.0 -w acme'), 'demo x86_64 1.1.0, paused');
      const written = await run('latest demo x86_64 -w acme --write-ssm /example/os --dry-run');
      assert.match(written, /latest\/image_version +1\.0\.0/);
      await run('waves withdraw demo x86_64 1.1.0 --reason bad -w acme --publish');
      assert.match(await shown('latest demo x86_64 -w acme'), /^demo x86_64 1\.0\.0/);
      assert.equal((await session.type('latest demo x86_64 1.1.0 -w acme')).status, 69);
      await run('waves pause demo x86_64 1.0.0 --everyone -w acme --publish');
      const none = await session.type('latest demo x86_64 -w acme');
      assert.match(
        none.beside,
        /\[not-found\] no release of demo x86_64 is offered in .*, or all are paused/,
      );
    } finally {
      other.end();
      session = main;
    }
  });

  it('believes a folder only from a root that it is given, and not once it has expired', async () => {
    const where = '--from acme/repository';
    assert.equal(
      await run(`latest demo x86_64 ${where} --root acme/roots/1.root.json --field version`),
      '1.1.0\n',
    );
    assert.match((await session.type(`latest demo x86_64 ${where}`)).beside, /goes with --root/);
    assert.equal((await session.type(`latest demo x86_64 ${where} --root gone.json`)).status, 64);
    await run('init other --insecure-development-keys');
    const strange = await session.type(`latest demo x86_64 ${where} --root other/roots/1.root.json`);
    assert.notEqual(strange.status, 0);
    session.now += 400 * 24 * 3_600_000;
    assert.match((await session.type('latest demo x86_64 -w acme')).beside, /expired/);
    session.now -= 400 * 24 * 3_600_000;
  });

  describe('writes parameters of AWS Systems Manager', () => {
    const parameters = new Map<string, EndpointParameter>();
    let endpoint: AwsEndpoint;
    let trouble: Trouble | undefined;
    let restore: () => void;

    before(async () => {
      endpoint = await startAwsEndpoint({ parameters, trouble: () => trouble });
      restore = setVariables(awsVariables());
    });

    after(async () => {
      restore();
      await endpoint.close();
    });

    const line = (prefix: string): string =>
      `latest demo x86_64 -w acme --write-ssm ${prefix} --region ${awsRegion} --endpoint ${endpoint.origin}`;

    it('in the shape that users look up, and shows them first', async () => {
      assert.match(await run(`${line('/example/os')} --dry-run`), /nothing was written/);
      assert.equal(parameters.size, 0);
      assert.match(await run(line('/example/os')), /30 parameters were written/);
      const value = (name: string): string | undefined =>
        parameters.get(`/example/os/demo/x86_64/${name}`)?.value;
      assert.equal(value('latest/image_version'), '1.1.0');
      assert.equal(value('latest/image_id'), sha256('root image'));
      assert.equal(value('1.1.0/image/hash/sha256'), sha256('tree'));
      assert.deepEqual(
        [...parameters.keys()].slice(-2).map((name) => name.slice('/example/os/demo/x86_64/'.length)),
        ['latest/image_version', 'latest/status'],
      );
      parameters.set('/example/os/demo/x86_64/latest/image_version', { value: '0.9.0', type: 'String' });
      assert.match(await run(line('/example/os')), /30 parameters were written/, 'over those before');
      assert.equal(value('latest/image_version'), '1.1.0');
      await run(line('/example/os').replace('x86_64 -w', 'x86_64 1.0.0 -w'));
      assert.deepEqual([value('latest/image_version'), value('1.0.0/image_version')], ['1.1.0', '1.0.0']);
    });

    it('moves latest off a version that is withdrawn, says so of that version, and that none is left', async () => {
      const copy = commandLine(session.now);
      cpSync(session.directory, copy.directory, { recursive: true });
      session = copy;
      const value = (name: string) => parameters.get(`/os/demo/x86_64/${name}`)?.value;
      try {
        await run(line('/os'));
        assert.deepEqual([value('latest/image_version'), value('1.1.0/status')], ['1.1.0', 'available']);
        await run('waves withdraw demo x86_64 1.1.0 -w acme --publish');
        const shown = await run(`${line('/os')} --dry-run`);
        assert.match(shown, /1\.1\.0\/status +withdrawn\n/);
        assert.match(shown, /latest\/image_version +1\.0\.0\n/);
        assert.equal(value('1.1.0/status'), 'available', 'nothing was written');
        await run(line('/os'));
        assert.deepEqual(
          ['latest/image_version', 'latest/status', '1.1.0/status', '1.1.0/image_version'].map(value),
          ['1.0.0', 'available', 'withdrawn', '1.1.0'],
        );
        await run('waves withdraw demo x86_64 1.0.0 -w acme --publish');
        const none = await session.type(line('/os'));
        assert.match(none.beside, /\[not-found\] no release of demo x86_64 is offered/);
        assert.deepEqual([value('latest/status'), value('1.0.0/status')], ['none', 'withdrawn']);
      } finally {
        copy.end();
        session = main;
      }
    });

    it('refuses prefixes of the service, and says who denied what', async () => {
      for (const prefix of ['/aws/service', 'example', '/a/', '/SSM/x', `/${'a'.repeat(1000)}`])
        assert.equal((await session.type(line(prefix))).status, 64, prefix);
      trouble = deniedBy('not authorized to perform ssm:PutParameter');
      assert.match((await session.type(line('/x'))).beside, /\[key-service-denied\].*ssm:PutParameter/);
    });
  });
});
