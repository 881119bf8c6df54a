/** The client under test: a command of its own process, or an entry's `main` in this one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type ConformanceMain, timeVariable } from '../protocol.ts';

export interface Answered {
  readonly status: number;
  /** What the client said, for whoever looks into a failure. */
  readonly output: string;
}

/** @param now what the client must take for the time, in milliseconds since the epoch */
export type Client = (argv: readonly string[], now: number) => Promise<Answered>;

/** A client that hangs fails its case. */
const timeLimit = 120_000;

export interface CommandOptions {
  /** Fake the clock with libfaketime's `faketime`, for clients that do not read our variable. */
  readonly faketime: boolean;
}

/** A file of JavaScript or TypeScript is run by this very Node.js, anything else as it stands. */
export function commandClient(words: readonly string[], { faketime }: CommandOptions): Client {
  const runnable = /\.[cm]?[jt]s$/.test(words[0] ?? '') ? [process.execPath, ...words] : words;
  return async (argv, now) => {
    const time = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
    const faked = faketime ? ['faketime', '-f', `@${time.replace('T', ' ').replace('Z', '')}`] : [];
    const [program = '', ...prefix] = [...faked, ...runnable];
    const child = spawn(program, [...prefix, ...argv], {
      env: { ...process.env, TZ: 'UTC', [timeVariable]: time },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeLimit,
      killSignal: 'SIGKILL',
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    const [status, signal] = (await once(child, 'close')) as [number | null, string | null];
    return { status: status ?? -1, output: signal === null ? output : `${output}ended by ${signal}` };
  };
}

export function moduleClient(main: ConformanceMain): Client {
  return async (argv, now) => {
    const notes: string[] = [];
    const status = await main(argv, { now: () => now, note: (text) => notes.push(text) });
    return { status, output: notes.join('\n') };
  };
}
