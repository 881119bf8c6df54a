/** `tidegate host …`: the commands of `tidegate-agent`, for trying a host out from where the signer is. */
import { defineHostCommands } from '../../agent/commands.ts';
import type { Define } from '../command-list.ts';

export const define: Define = (command, surroundings) => {
  defineHostCommands(command, surroundings);
};
