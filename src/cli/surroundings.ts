/** What a command may touch of its process, given from outside so that tests can give their own. */
import type { Command } from 'commander';
import type { ProgramSurroundings } from '../program.ts';

export interface Surroundings extends ProgramSurroundings {
  /** Asks a secret on the terminal without showing it; undefined when there is no terminal. */
  readonly askSecret: ((question: string) => Promise<Uint8Array>) | undefined;
  /** Asks a question whose answer is shown; absent when there is no terminal. */
  readonly askLine?: ((question: string) => Promise<string>) | undefined;
  /** How the running command ended. */
  setExitStatus(status: number): void;
}

/** What the file of a command exports: adds options, arguments and the action to it. */
export type Define = (command: Command, surroundings: Surroundings) => void;
