/** The command `tidegate-agent`: the commands of a host, and what they throw as exit status. */
import { Command } from 'commander';
import { addCompletion, configureProgram, failedProgram, inProcess } from '../program.ts';
import { defineHostCommands, type HostSurroundings } from './commands.ts';

const name = 'tidegate-agent';

/** @param argv the arguments alone, without the names of runtime and script */
export async function main(argv: readonly string[]): Promise<number> {
  return await inProcess(argv, (surroundings) => runAgentCommand(argv, surroundings));
}

/** The same for tests: every effect on the process is given. */
export async function runAgentCommand(
  argv: readonly string[],
  surroundings: HostSurroundings,
): Promise<number> {
  const { terminal } = surroundings;
  const program = configureProgram(new Command(name), terminal).description(
    'Updates this host: checks, installs into the inactive slot, activates, confirms.',
  );
  defineHostCommands(program, surroundings);
  try {
    await addCompletion(program, argv);
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    return failedProgram(error, name, terminal);
  }
}
