/** Those who do the same work beside each other, each run in a process of its own. */
import { spawn } from 'node:child_process';
import type { JobReport } from './job.ts';

export type Outcome =
  | { readonly kind: 'measured'; readonly seconds: number; readonly report?: JobReport }
  /** It was ended after this many seconds. */
  | { readonly kind: 'stopped'; readonly seconds: number };

export interface Contender {
  readonly name: string;
  /** @param folder an empty one, for this run alone */
  run(folder: string): Promise<Outcome>;
}

/** A peer that is not on this machine. */
export interface Missing {
  readonly name: string;
  readonly missing: string;
}

/** A case of ours or of a library: the seconds are those that it reports of its work. */
export async function runCase(script: string, args: readonly string[], timeLimit: number): Promise<Outcome> {
  const outcome = await runCommand([process.execPath, script, ...args], timeLimit);
  if (outcome.kind === 'stopped') return outcome;
  const report = JSON.parse(outcome.output) as JobReport;
  return { kind: 'measured', seconds: report.seconds, report };
}

/** Other programs, one after another: the seconds are those from start to end of all of them. */
export async function runCommands(
  commands: readonly (readonly string[])[],
  timeLimit: number,
): Promise<Outcome> {
  let seconds = 0;
  for (const command of commands) {
    const outcome = await runCommand(command, timeLimit);
    seconds += outcome.seconds;
    if (outcome.kind === 'stopped') return { kind: 'stopped', seconds };
  }
  return { kind: 'measured', seconds };
}

type CommandOutcome =
  | { readonly kind: 'ended'; readonly seconds: number; readonly output: string }
  | { readonly kind: 'stopped'; readonly seconds: number };

/** @param timeLimit seconds, after which the program is ended */
function runCommand(command: readonly string[], timeLimit: number): Promise<CommandOutcome> {
  const [program = '', ...args] = command;
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    let stopped = false;
    const timer = setTimeout(() => {
      stopped = true;
      child.kill('SIGKILL');
    }, timeLimit * 1000);
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const seconds = (performance.now() - start) / 1000;
      if (stopped) resolve({ kind: 'stopped', seconds: timeLimit });
      else if (code === 0) resolve({ kind: 'ended', seconds, output });
      else reject(new Error(`${command.join(' ')} ended with ${code ?? signal}:\n${errors || output}`));
    });
  });
}
