/**
 * A program that is told of alarms, for those who have no monitoring that reads metrics: `--on-alarm PROGRAM`.
 *
 * 1. It is started directly, without a shell and without arguments, and gets the event as one line of JSON on its
 *    standard input: nothing of the event is ever part of a command.
 * 2. It has half a minute; then it is killed. Whatever it does, the daemon goes on.
 */
import { spawn } from 'node:child_process';

/** Milliseconds. */
const patience = 30_000;

/** @param failed told why, when the program could not do its work */
export function alarmCommand(program: string, failed: (reason: string) => void): (line: string) => void {
  return (line) => {
    const child = spawn(program, [], { stdio: ['pipe', 'ignore', 'ignore'] });
    // Not the timeout of `spawn`: its timer outlives a program that could not be started, and holds the process.
    const timer = setTimeout(() => child.kill('SIGKILL'), patience);
    // A program that does not read what it is told breaks the pipe; its exit status says whether that was a fault.
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${line}\n`);
    child.once('error', ({ message }) => {
      clearTimeout(timer);
      failed(message);
    });
    child.once('exit', (status, signal) => {
      clearTimeout(timer);
      if (status !== 0) failed(signal === null ? `it ended with ${status}` : `it was ended by ${signal}`);
    });
  };
}
