/** `tidegate waves …`: who updates when. */
import type { Define } from '../surroundings.ts';
import { defineSimulate } from './waves-simulate.ts';

export const define: Define = (command, surroundings) => {
  defineSimulate(command.command('simulate'), surroundings);
};
