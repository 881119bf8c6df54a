import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const repository = join(import.meta.dirname, '..', '..');

/** The library prints by itself, so that only a process of its own shows what a shell gets. */
function type(command: 'cli' | 'agent', ...argv: readonly string[]): string {
  return typeIn({}, command, ...argv);
}

function typeIn(
  environment: Readonly<Record<string, string>>,
  command: 'cli' | 'agent',
  ...argv: readonly string[]
): string {
  const script = `process.exitCode = await (await import(process.argv[1])).main(process.argv.slice(2));`;
  const args = [
    '--input-type=module',
    '--eval',
    script,
    '--',
    join(repository, 'src', command, 'main.ts'),
    ...argv,
  ];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

const offered = (output: string): readonly string[] =>
  output
    .split('\n')
    .filter((line) => line.includes('\t'))
    .map((line) => line.slice(0, line.indexOf('\t')));

describe('tab completion', () => {
  it('offers commands, options and the values that an option takes', () => {
    assert.deepEqual(offered(type('cli', 'complete', '--', 'pub')), ['publish']);
    const verbs = offered(type('cli', 'complete', '--', 'release', ''));
    for (const verb of ['add', 'migrations', 'list', 'drop', 'help']) assert.ok(verbs.includes(verb), verb);
    assert.ok(offered(type('cli', 'complete', '--', 'release', 'add', '--na')).includes('--naming'));
    assert.deepEqual(offered(type('cli', 'complete', '--', 'init', '--template', '')), [
      'single',
      'bottlerocket',
    ]);
    assert.ok(offered(type('agent', 'complete', '--', 'pre')).includes('prepare'));
  });

  it('offers the variants and architectures of the workspace', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-completion-'));
    try {
      const line = [
        'init',
        folder,
        '--insecure-development-keys',
        '--variant',
        'metal/x86_64',
        '--variant',
        'aws/aarch64',
      ];
      type('cli', ...line, '--template', 'bottlerocket');
      const environment = { TIDEGATE_WORKSPACE: folder };
      const complete = (...argv: readonly string[]) =>
        offered(typeIn(environment, 'cli', 'complete', '--', ...argv));
      assert.deepEqual(complete('waves', 'pause', ''), ['metal', 'aws']);
      assert.deepEqual(complete('waves', 'pause', 'metal', ''), ['x86_64', 'aarch64']);
      assert.deepEqual(complete('latest', 'me'), ['metal']);
      assert.deepEqual(
        offered(typeIn({ TIDEGATE_WORKSPACE: '/nowhere' }, 'cli', 'complete', '--', 'latest', '')),
        [],
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('prints a script for each shell', () => {
    assert.match(type('cli', 'completion', 'bash'), /complete -F \S+ tidegate\n/);
    assert.match(type('agent', 'completion', 'zsh'), /tidegate-agent/);
  });

  it('completes in a bash that has nothing but itself', () => {
    const program = `tidegate() { [ "$*" = 'complete -- waves pau' ] && printf 'pause\\tstop\\n:4\\n'; }
      compopt() { :; }
      eval "$1"
      COMP_WORDS=(tidegate waves pau) COMP_CWORD=2
      __tidegate_complete
      echo "\${COMPREPLY[*]}"`;
    const args = ['--noprofile', '--norc', '-c', program, 'bash', type('cli', 'completion', 'bash')];
    const { stdout, stderr } = spawnSync('bash', args, { encoding: 'utf8' });
    assert.match(stdout, /^pause\b/);
    assert.doesNotMatch(stderr, /not found/);
  });
});
