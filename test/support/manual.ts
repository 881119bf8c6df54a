/**
 * A manual that is played: commands in fenced `sh` blocks whose first line names the machine and, perhaps, how much later
 * it is (`# office, 1 day later`); what is carried by hand in `carry` blocks (`alice/alice.pub -> office bob/colleagues`);
 * what the last command of a block prints in `text` blocks right behind it. A command that is to fail says so:
 * `  # status 87`. What other programs do stands in `bash` blocks: whoever plays the manual does it.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fingerprintWords } from '../../src/signer/keys/fingerprint.ts';
import { type CommandLine, commandLine, type Typed } from './command-line.ts';

export type Step =
  | { readonly kind: 'carry'; readonly from: readonly string[]; readonly to: readonly string[] }
  | {
      readonly kind: 'type';
      readonly machine: string;
      readonly later: number;
      readonly line: string;
      /** The exit status that the manual names; default 0. */
      readonly status?: number;
    }
  | { readonly kind: 'other'; readonly lines: readonly string[] }
  | { readonly kind: 'shown'; readonly lines: readonly string[] };

/**
 * Opening an encrypted key takes a second on a busy machine: those of alice are encrypted, as the manual has it, and those
 * of the others are not.
 */
const alice = new Set(['alice']);

/** Where a web server or a bucket would be. */
const served = '../office/acme/repository';

const units = { hour: 3_600_000, day: 86_400_000, week: 604_800_000 } as const;

export function stepsOf(manual: string): readonly Step[] {
  const steps: Step[] = [];
  for (const [, kind, text = ''] of manual.matchAll(/^```(sh|bash|carry|text)\n(.*?)^```$/gms)) {
    const lines = text.replaceAll('\\\n', ' ').split('\n').filter(Boolean);
    if (kind === 'sh') steps.push(...typedIn(lines));
    else if (kind === 'bash') steps.push({ kind: 'other', lines });
    else if (kind === 'carry') steps.push(...lines.map(carriedBy));
    else steps.push({ kind: 'shown', lines });
  }
  return steps;
}

function typedIn([head = '', ...lines]: readonly string[]): readonly Step[] {
  const [, machine, number, unit] = /^# ([a-z]+)(?:, (\d+) (hour|day|week)s? later)?$/.exec(head) ?? [];
  if (machine === undefined) throw new Error(`expected "# MACHINE" in place of: ${head}`);
  const later = Number(number ?? 0) * units[(unit ?? 'day') as keyof typeof units];
  return lines.map((line, index) => ({
    kind: 'type',
    machine,
    later: index === 0 ? later : 0,
    line: line.replace(/ {2,}#.*$/, '').replaceAll(/ +/g, ' '),
    status: Number(/ {2,}# status (\d+)/.exec(line)?.[1] ?? 0),
  }));
}

function carriedBy(line: string): Step {
  const [from = '', to = ''] = line.split(' -> ');
  return { kind: 'carry', from: from.trim().split(/ +/), to: to.trim().split(/ +/) };
}

export interface Machines {
  readonly folder: string;
  play(step: Step): Promise<void>;
  /** A file that is there before. */
  put(path: string, text: string): void;
  end(): void;
}

export interface MachinesOptions {
  /** Is told what is printed, for whoever writes a manual. */
  readonly watch?: (text: string) => void;
  /** The words that stand for an address of the manual; default: a folder of office where the web server would be. */
  readonly place?: (word: string) => string;
  /** Whose keys are encrypted; default: those of alice. */
  readonly encrypted?: ReadonlySet<string>;
  /** What other programs do. */
  readonly other?: (line: string) => Promise<void>;
}

/** One folder for each machine; nothing but `carry` brings a file from one to another. */
export function machines(start: number, options: MachinesOptions = {}): Machines {
  const {
    encrypted = alice,
    watch = () => undefined,
    place = (word) => word.replace(/^https:\/\/updates\..*/, served),
  } = options;
  const home = commandLine(start);
  const known = new Map<string, CommandLine>();
  let last: Typed | undefined;
  const at = (name: string): CommandLine => {
    const machine = known.get(name) ?? newMachine(join(home.directory, name));
    known.set(name, machine);
    return machine;
  };
  const type = async (machine: CommandLine, line: string): Promise<Typed> => {
    const words = line.match(/(?:"[^"]*"|'[^']*'|[^ ])+/g) ?? [];
    const [program, ...argv] = words.map((word) => place(word.replaceAll(/["']/g, '')));
    if (program === 'export') return exported(machine, argv.join(' '));
    assert.equal(program, 'tidegate', line);
    machine.answers.splice(0, machine.answers.length, ...digestsIn(machine.directory, argv));
    const unlocked = makesKeys(argv) && !encrypted.has(basename(machine.directory));
    return await machine.type(unlocked ? [...argv, '--insecure-development-keys'] : argv);
  };
  return {
    folder: home.directory,
    async play(step) {
      if (step.kind === 'carry') carry(home.directory, step);
      else if (step.kind === 'shown') requireShown(step.lines, last);
      else if (step.kind === 'other') for (const line of step.lines) await options.other?.(line);
      else {
        home.now += step.later;
        const machine = at(step.machine);
        machine.now = home.now;
        last = await type(machine, step.line);
        watch(last.out + last.beside);
      }
      if (
        step.kind === 'type' &&
        last !== undefined &&
        last.status !== (step.status ?? 0) &&
        !allowed(step.line, last)
      )
        assert.fail(`${step.machine}: ${step.line} ended with ${last.status}: ${last.out}${last.beside}`);
    },
    put(path, text) {
      mkdirSync(dirname(join(home.directory, path)), { recursive: true });
      writeFileSync(join(home.directory, path), text);
    },
    end: () => home.end(),
  };
}

/** `status` says by its status what it says in words. */
function allowed(line: string, { beside }: Typed): boolean {
  return line.startsWith('tidegate status') && !beside.includes('error [');
}

function newMachine(directory: string): CommandLine {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, '.passphrase'), `a passphrase of ${basename(directory)} alone\n`, {
    mode: 0o600,
  });
  const machine = commandLine(0, directory);
  machine.environment.TIDEGATE_PASSPHRASE_FILE = '.passphrase';
  return machine;
}

function exported({ environment }: CommandLine, setting: string): Typed {
  const [name = '', value = ''] = setting.split('=');
  environment[name] = value;
  return { status: 0, out: '', beside: '', json: () => undefined };
}

function makesKeys(argv: readonly string[]): boolean {
  const [command, action] = argv;
  if (argv.includes('--drill')) return false;
  return command === 'init' || (command === 'key' && action === 'new') || argv.includes('--new-key');
}

/** What people read to each other: the first words of the digest of every request that is signed. */
function digestsIn(directory: string, [command, ...argv]: readonly string[]): readonly string[] {
  if (command !== 'sign') return [];
  return argv
    .filter((word) => word.endsWith('.request.json'))
    .map((word) => {
      const { sha256 } = JSON.parse(readFileSync(join(directory, word), 'utf8')) as { sha256: string };
      return fingerprintWords(sha256).split('-').slice(0, 4).join(' ');
    });
}

function carry(folder: string, { from, to }: { from: readonly string[]; to: readonly string[] }): void {
  for (const source of from) {
    const pattern = new RegExp(`^${basename(source).replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
    const names = readdirSync(join(folder, dirname(source))).filter((name) => pattern.test(name));
    assert.ok(names.length > 0, `nothing to carry: ${source}`);
    for (const target of to) {
      mkdirSync(join(folder, target), { recursive: true });
      for (const name of names) cpSync(join(folder, dirname(source), name), join(folder, target, name));
    }
  }
}

/** Every line stands in what was printed, in this order; `…` stands for anything, and so do values that are made anew. */
function requireShown(lines: readonly string[], typed: Typed | undefined): void {
  const printed = `${typed?.out ?? ''}\n${typed?.beside ?? ''}`.split('\n').map((line) => comparable(line));
  let from = 0;
  for (const line of lines.filter((text) => text.trim() !== '…')) {
    const pattern = new RegExp(`^${comparable(line).split('…').map(escaped).join('.*')}$`);
    const at = printed.findIndex((text, index) => index >= from && pattern.test(text));
    assert.ok(
      at >= 0,
      `the manual shows what is not printed (any more): ${line}\nprinted:\n${printed.join('\n')}`,
    );
    from = at + 1;
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Without keys, digests, times and the width of columns, which are others each time. */
function comparable(line: string): string {
  return line
    .replaceAll(/\b(?:[a-z]{5}-){3,}[a-z]{5}\b/g, 'WORDS')
    .replaceAll(/\b[0-9a-f]{64}\b/g, 'HASH')
    .replaceAll(/\b[0-9a-f]{12}\b/g, 'ID')
    .replaceAll(/\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\dZ)?)?/g, 'TIME')
    .replaceAll(/\b[0-9a-f]{8}(?: [0-9a-f]{8}){7}\b/g, 'HASH')
    .replaceAll(/\S*\/(?=[^/ ]+\/(?:requests|keys|roots)\/|[^/ ]+\.(?:pub|key\.json)\b)/g, '')
    .trim()
    .replaceAll(/ +/g, ' ');
}
