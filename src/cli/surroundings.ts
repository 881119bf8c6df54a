/** What a command may touch of its process, given from outside so that tests can give their own. */
import type { Terminal } from '../terminal.ts';

export interface Surroundings {
  readonly terminal: Terminal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The present time, milliseconds since the epoch. */
  readonly now: () => number;
  /** Aborts on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** The folder that relative paths start from. */
  readonly directory: string;
  /** Asks a secret on the terminal without showing it; undefined when there is no terminal. */
  readonly askSecret: ((question: string) => Promise<Uint8Array>) | undefined;
  /** How the running command ended. */
  setExitStatus(status: number): void;
}
