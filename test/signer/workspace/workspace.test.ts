import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isJsonObject, type JsonObject, parseJson } from '../../../src/metadata/json.ts';
import { formatJson } from '../../../src/metadata/json-writer.ts';
import { KeyRing } from '../../../src/signer/keys/key-ring.ts';
import { signWith } from '../../../src/signer/keys/signing.ts';
import { rootDocument } from '../../../src/signer/publication/documents.ts';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { initWorkspace } from '../../../src/signer/workspace/init.ts';
import { chainOf, rootDifferences } from '../../../src/signer/workspace/roots.ts';
import { openWorkspace, repositoriesOf, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import type { FileHandle, FileSystem } from '../../../src/storage/file-system.ts';
import { readPlainFile } from '../../../src/storage/plain-file.ts';
import { FileSystemReplay } from '../../support/file-system-replay.ts';
import { MemoryFileSystem, powerCuts } from '../../support/memory-file-system.ts';
import {
  addVersion,
  copyOf,
  day,
  directory,
  open,
  putFile,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';

const keys = `${directory}/keys`;

async function textOf(fs: FileSystem, path: string): Promise<string> {
  return Buffer.from((await readPlainFile(fs, path, 1_000_000))?.bytes ?? []).toString();
}

async function edit(fs: FileSystem, path: string, from: string | RegExp, to: string): Promise<void> {
  const text = await textOf(fs, path);
  assert.notEqual(text.replace(from, to), text);
  await putFile(fs, path, text.replace(from, to));
}

/** A disk on which files have another owner. */
function ownedBy(inner: MemoryFileSystem, owner: number): FileSystem {
  const disguised = (handle: FileHandle): FileHandle => ({
    ...handle,
    status: async () => ({ ...(await handle.status()), owner }),
  });
  return new Proxy(inner, {
    get: (target, name: keyof FileSystem) =>
      name === 'open'
        ? async (path: string, flags: number, mode?: number) =>
            disguised(await target.open(path, flags, mode))
        : target[name].bind(target),
  });
}

function differencesOf({ roots, settings, keys: known }: Workspace): readonly string[] {
  return rootDifferences(chainOf(roots, 'roots').root.document, settings, known);
}

describe('signer/workspace/init', () => {
  it('SGN-01: makes private keys with mode 0600 in folders of mode 0700, whatever the umask', async () => {
    for (const mask of [0o000, 0o022]) {
      const folder = mkdtempSync(join(tmpdir(), 'tidegate-init-'));
      const before = process.umask(mask);
      try {
        const options = {
          template: 'single',
          name: 'os',
          store: 'public',
          insecureDevelopmentKeys: true,
        } as const;
        await initWorkspace(join(folder, 'w'), options);
      } finally {
        process.umask(before);
      }
      const modeOf = (name: string) => statSync(join(folder, 'w', name)).mode & 0o777;
      assert.deepEqual(['.', 'keys', 'roots'].map(modeOf), [0o700, 0o700, 0o700]);
      for (const key of ['root-1', 'root-2', 'root-3', 'targets', 'snapshot', 'timestamp']) {
        assert.equal(modeOf(`keys/${key}.key.json`), 0o600);
        assert.equal(modeOf(`keys/${key}.pub`), 0o644);
      }
      rmSync(folder, { recursive: true });
    }
  });

  it('SGN-43: git does not take private keys of a workspace', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-git-'));
    const options = {
      template: 'single',
      name: 'os',
      store: 'public',
      insecureDevelopmentKeys: true,
    } as const;
    await initWorkspace(folder, options);
    const git = (...words: string[]) => execFileSync('git', ['-C', folder, ...words], { encoding: 'utf8' });
    git('init', '-q');
    git('add', '--all');
    const staged = git('diff', '--cached', '--name-only').split('\n');
    assert.ok(staged.includes('keys/targets.pub') && staged.includes('roots/1.root.json'));
    assert.deepEqual(
      staged.filter((name) => name.endsWith('.key.json')),
      [],
    );
    rmSync(folder, { recursive: true });
  });

  it('the first root is signed by two of three, names the repository, and lists a key of its own for every role', async () => {
    const workspace = await open(await workspaceDisk());
    const root = parseJson(
      workspace.roots[0] ?? new Uint8Array(),
      { maxDepth: 9, maxValues: 999, maxDigits: 16 },
      'root',
    );
    assert.ok(isJsonObject(root));
    const signed = root.get('signed') as JsonObject;
    assert.equal((root.get('signatures') as readonly unknown[]).length, 2);
    assert.equal(signed.get('x-tidegate-repository'), 'example/os');
    assert.equal(signed.get('expires'), '2027-11-23T12:00:00Z');
    assert.equal((signed.get('keys') as JsonObject).size, 6);
  });

  it('SPEC-80: keys are encrypted unless development keys are asked for by name', async () => {
    const fs = new MemoryFileSystem();
    const options = { template: 'single', name: 'os', store: 'p', fileSystem: fs } as const;
    await assert.rejects(initWorkspace('/w', options), { code: 'usage' });
    assert.deepEqual(await fs.entries('/'), []);
    await assert.rejects(initWorkspace('/w', { ...options, passphrase: async () => Buffer.from('short') }), {
      code: 'key-unusable',
    });
    assert.deepEqual(await fs.entries('/'), [], 'nothing is left of it');
    const asked: string[] = [];
    const passphrase = async ({ name }: { readonly name: string }) => {
      asked.push(name);
      return Buffer.from(`passphrase of ${name}`);
    };
    await initWorkspace('/w', { ...options, passphrase, now: start });
    assert.deepEqual(asked, ['root-1', 'root-2', 'root-3', 'timestamp', 'snapshot', 'targets']);
    const workspace = await openWorkspace('/w', { fileSystem: fs });
    const [key] = [...workspace.keys.values()].filter(({ name }) => name === 'targets');
    assert.ok(key);
    const ring = new KeyRing(fs, '/w/keys', async ({ name }) => Buffer.from(`passphrase of ${name}`));
    assert.equal((await ring.open(key))?.id, key.id);
    const leftOut = new KeyRing(fs, '/w/keys', async () => undefined);
    assert.equal(await leftOut.open(key), undefined);
    assert.match(await textOf(fs, '/w/keys/targets.key.json'), /"kdf": "scrypt"/);
  });

  it('a folder that holds anything is left alone', async () => {
    const fs = new MemoryFileSystem();
    const options = {
      template: 'single',
      name: 'os',
      store: 'p',
      insecureDevelopmentKeys: true,
      fileSystem: fs,
    } as const;
    await initWorkspace('/w', options);
    await assert.rejects(initWorkspace('/w', options), { code: 'workspace-exists' });
    await putFile(fs, '/file', 'text');
    await assert.rejects(initWorkspace('/file', options), { code: 'workspace-exists' });
  });

  it('what people type becomes text of the file, never TOML', async () => {
    const fs = new MemoryFileSystem();
    const options = {
      template: 'single',
      name: 'os',
      insecureDevelopmentKeys: true,
      fileSystem: fs,
    } as const;
    const store = 'a"\n[roles.root]\nthreshold = 1 $& $1 #';
    await initWorkspace('/w', { ...options, store });
    assert.equal((await openWorkspace('/w', { fileSystem: fs })).settings.location, store);
    await assert.rejects(initWorkspace('/v', { ...options, name: 'a"\nlayout = "x', store }), {
      code: 'config-invalid',
    });
    await assert.rejects(initWorkspace('/v', { ...options, store, variants: { 'a b': ['x'] } }), {
      code: 'config-invalid',
    });
  });

  it('PUB-27: power fails at any call: there is a whole workspace or none', async () => {
    const options = {
      template: 'single',
      name: 'os',
      store: '/p',
      insecureDevelopmentKeys: true,
      now: start,
    } as const;
    const recorder = new FileSystemReplay(new MemoryFileSystem());
    await initWorkspace('/w', { ...options, fileSystem: recorder });
    for (let cut = 0; cut < recorder.calls.length; cut += 5) {
      const disk = new MemoryFileSystem();
      await initWorkspace('/w', { ...options, fileSystem: new FileSystemReplay(disk, { cut }) }).catch(
        () => undefined,
      );
      const found = disk.powerCut(
        powerCuts[cut % powerCuts.length] ?? { unsyncedBytes: 'lost', unsyncedNames: 'lost' },
      );
      const there = (await found.entries('/')).some(({ name }) => name === 'w');
      if (there) await openWorkspace('/w', { fileSystem: found });
      else await initWorkspace('/w', { ...options, fileSystem: found });
    }
  });
});

describe('signer/workspace/workspace', () => {
  it('is refused where there is none', async () => {
    await assert.rejects(openWorkspace('/none', { fileSystem: new MemoryFileSystem() }), {
      code: 'workspace-invalid',
    });
  });

  it('has a repository for each variant and architecture in the layout bottlerocket, else one', async () => {
    const variants = { 'aws-k8s': ['x86_64', 'aarch64'], metal: ['x86_64'] };
    const many = await open(await workspaceDisk({ template: 'bottlerocket', variants }));
    assert.deepEqual(
      repositoriesOf(many.settings).map(({ name }) => name),
      ['aws-k8s/x86_64', 'aws-k8s/aarch64', 'metal/x86_64'],
    );
    const one = await open(await workspaceDisk({ template: 'single', variants }));
    assert.deepEqual(
      repositoriesOf(one.settings).map(({ name, fleets }) => [name, fleets.length]),
      [['metadata', 3]],
    );
  });

  it('SGN-01: a private key that others can read is refused, naming path and mode', async () => {
    for (const mode of [0o644, 0o640, 0o604, 0o660, 0o602]) {
      const fs = await workspaceDisk();
      const workspace = await open(fs);
      const handle = await fs.open(`${keys}/targets.key.json`, 0);
      await handle.setMode(mode);
      await handle.close();
      const plan = await planPublication(workspace, { now: start });
      await assert.rejects(publish(workspace, plan, { now: start, unlock }), {
        code: 'key-file-permissions',
        message: new RegExp(
          `targets\\.key\\.json has mode 0${mode.toString(8)}.*chmod 600 ${directory}/keys/targets`,
        ),
      });
    }
  });

  it("SGN-01: another user's private key is refused, and a link to a key", async () => {
    const fs = await workspaceDisk();
    const workspace = await open(fs);
    const [key] = workspace.keys.values();
    assert.ok(key);
    const foreign = new KeyRing(ownedBy(fs, 65_534), keys, unlock);
    await assert.rejects(foreign.open(key), {
      code: 'key-file-permissions',
      message: /belongs to user 65534/,
    });
    await fs.rename(`${keys}/${key.name}.key.json`, '/images/key');
    fs.symlink('/images/key', `${keys}/${key.name}.key.json`);
    await assert.rejects(new KeyRing(fs, keys, unlock).open(key), { code: 'not-a-plain-file' });
  });

  it('a private key that is not the half of its public key is refused', async () => {
    const fs = await workspaceDisk();
    await putFile(fs, `${keys}/targets.key.json`, await textOf(fs, `${keys}/snapshot.key.json`));
    const workspace = await open(fs);
    const plan = await planPublication(workspace, { now: start });
    await assert.rejects(publish(workspace, plan, { now: start, unlock }), { code: 'key-file-invalid' });
  });

  it('SGN-14: one key under two names is refused', async () => {
    const fs = await workspaceDisk();
    await putFile(fs, `${keys}/root-3.pub`, await textOf(fs, `${keys}/root-2.pub`));
    await assert.rejects(open(fs), {
      code: 'workspace-invalid',
      message: /root-2 and root-3 are the same key/,
    });
  });

  it('SGN-16: a key object that was edited has another id, and is refused', async () => {
    const fs = await workspaceDisk();
    await edit(fs, `${keys}/targets.pub`, '"keytype"', '"comment": "mine", "keytype"');
    const edited = await open(fs);
    assert.match(
      differencesOf(edited).join('\n'),
      /roles\.targets.*1 of targets; root 1, which decides, says 1 of/,
    );
    const plan = await planPublication(edited, { now: start });
    assert.deepEqual(plan.signatures[0]?.atHand, []);
    await assert.rejects(publish(edited, plan, { now: start, unlock }), { code: 'signatures-missing' });
    await putFile(fs, `${keys}/targets.pub`, 'ssh-ed25519 AAAA');
    await assert.rejects(open(fs), { code: 'key-file-invalid' });
    await fs.unlink(`${keys}/targets.pub`);
    await assert.rejects(open(fs), { code: 'workspace-invalid', message: /targets\.pub is missing/ });
  });

  it('SGN-16: a root whose key ids are not those of its keys is refused', async () => {
    const fs = await workspaceDisk();
    await signRoot(fs, 2, ['root-1', 'root-2'], (json) => new Map(json).set('comment', 'mine'));
    await assert.rejects(open(fs), { code: 'document-invalid' });
  });

  it('opens where tidegate.toml says something else of roles than the signed root, and says where', async () => {
    const fs = await workspaceDisk();
    assert.deepEqual(differencesOf(await open(fs)), []);
    await edit(fs, `${directory}/tidegate.toml`, 'threshold = 2', 'threshold = 3');
    const workspace = await open(fs);
    assert.match(differencesOf(workspace).join('\n'), /roles\.root\]: 3 of .*says 2 of/);
    const { warnings } = await planPublication(workspace, { now: start });
    assert.match(warnings.join('\n'), /tidegate root propose/);
  });

  it('the name of a repository never changes', async () => {
    const other = await workspaceDisk();
    await edit(other, `${directory}/tidegate.toml`, 'name = "example/os"', 'name = "example/other"');
    await assert.rejects(open(other), { code: 'workspace-invalid', message: /example\/os/ });
  });

  it('SPEC-81, SGN-18: a root that old or new keys have not signed in number is refused', async () => {
    const fs = await workspaceDisk();
    await signRoot(fs, 2, ['root-1']);
    await assert.rejects(open(fs), { code: 'threshold-not-met', message: /1 of 2/ });
    await signRoot(fs, 2, ['targets', 'snapshot']);
    await assert.rejects(open(fs), { code: 'threshold-not-met', message: /0 of 2/ });
    await signRoot(fs, 2, ['root-3', 'root-1']);
    assert.equal((await open(fs)).roots.length, 2);
  });

  it('SGN-19: a gap in the chain, and a version that is not that of the name, are refused', async () => {
    const fs = await workspaceDisk();
    await signRoot(fs, 3, ['root-1', 'root-2']);
    await assert.rejects(open(fs), {
      code: 'workspace-invalid',
      message: /root 3 is there and root 2 is not/,
    });
    await fs.rename(`${directory}/roots/3.root.json`, `${directory}/roots/2.root.json`);
    await assert.rejects(open(fs), { code: 'version-mismatch' });
    await fs.unlink(`${directory}/roots/2.root.json`);
  });

  it('without a root it opens, and what needs one names the command that makes it', async () => {
    const fs = await workspaceDisk();
    await fs.unlink(`${directory}/roots/1.root.json`);
    const workspace = await open(fs);
    assert.deepEqual(workspace.roots, []);
    await assert.rejects(planPublication(workspace, { now: start }), {
      code: 'workspace-invalid',
      message: /tidegate root propose/,
    });
  });

  it('a policy that does not exist is named', async () => {
    const fs = await workspaceDisk();
    await edit(fs, `${directory}/tidegate.toml`, 'policies = ["root-52w"', 'policies = ["root-53w"');
    await assert.rejects(open(fs), { code: 'config-invalid', message: /root-53w\.toml does not exist/ });
    const workspace = await open(await workspaceDisk());
    await assert.rejects(addVersion(workspace, '1.0.0', { wavePolicy: 'none-such' }), {
      code: 'config-invalid',
    });
  });

  it('a command waits for another in the same workspace', async () => {
    const fs = await workspaceDisk();
    const workspace = await open(fs);
    await Promise.all(['1.0.0', '1.1.0', '1.2.0'].map((version) => addVersion(workspace, version)));
    const plan = await planPublication(workspace, { now: start });
    const runs = [1, 2].map((at) => publish(workspace, plan, { now: start + at, unlock }));
    const [first, second] = await Promise.all(runs);
    assert.deepEqual(first?.repositories[0]?.versions, second?.repositories[0]?.versions);
    assert.equal(copyOf(fs).openHandles, 0);
  });

  /** Writes the next root, with the keys of the workspace, signed by some of them. */
  async function signRoot(
    fs: MemoryFileSystem,
    version: number,
    signers: readonly string[],
    change = (json: JsonObject): JsonObject => json,
  ): Promise<void> {
    const workspace = await open(await workspaceDisk());
    const idsOf = (names: readonly string[]) =>
      names.flatMap((name) =>
        [...workspace.keys.values()].filter((key) => key.name === name).map(({ id }) => id),
      );
    const { settings, keys: named } = workspace;
    const of = (role: 'root' | 'timestamp' | 'snapshot' | 'targets') => ({
      keyIds: idsOf(settings.roles[role].keys),
      threshold: settings.roles[role].threshold,
    });
    const objects = new Map(Array.from(named.values(), ({ id, json }) => [id, json]));
    const roles = {
      root: of('root'),
      timestamp: of('timestamp'),
      snapshot: of('snapshot'),
      targets: of('targets'),
    };
    const proper = rootDocument(
      { repository: settings.name, version, expires: start + 300 * day },
      objects,
      roles,
    );
    // What the signer would never write is forged behind it.
    const changed = new Map(Array.from(objects, ([id, json]) => [id, change(json)]));
    const document = new Map(proper).set('keys', changed);
    const ring = new KeyRing(fs, keys, unlock);
    const opened = [];
    for (const id of idsOf(signers)) {
      const key = named.get(id);
      opened.push(...[key && (await ring.open(key))].filter((found) => found !== undefined));
    }
    const bytes = await signWith({ document, what: 'root' }, opened);
    await putFile(fs, `${directory}/roots/${version}.root.json`, bytes);
    assert.ok(formatJson(document).length > 0);
  }
});
