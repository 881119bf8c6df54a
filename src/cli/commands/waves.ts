/** `tidegate waves …`: who updates when. */
import type { Define } from '../surroundings.ts';
import { defineShow } from './waves-show.ts';
import { defineSimulate } from './waves-simulate.ts';
import { defineSteering } from './waves-steer.ts';

export const define: Define = (command, surroundings) => {
  defineShow(command, surroundings);
  defineSteering(command, surroundings);
  defineSimulate(command.command('simulate'), surroundings);
};
