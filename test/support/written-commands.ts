/** Commands that a manual writes down: each must exist, with these options. */
import assert from 'node:assert/strict';
import { commandLine } from './command-line.ts';

const groups = new Set(['delegate', 'host', 'key', 'release', 'root', 'store', 'target', 'targets', 'waves']);

/** Asks each command for its help, and finds there every option that is typed. @param commands without the program */
export async function requireReal(commands: readonly string[]): Promise<void> {
  const session = commandLine();
  try {
    for (const command of commands) {
      const words = command.trim().split(/\s+/);
      const options = words.filter((word) => word.startsWith('--'));
      const [name = '', second = ''] = words;
      const path = groups.has(name) ? [name, second] : [name];
      const { status, out } = await session.type([...path, '--help']);
      assert.equal(status, 0, command);
      assert.match(out, new RegExp(`Usage: tidegate ${path.join(' ')}\\b`), command);
      for (const option of options) assert.match(out, new RegExp(`${option}\\b`), command);
    }
  } finally {
    session.end();
  }
}
