/** The command `tidegate`: finds the command, gives it its surroundings, turns what it throws into a status. */
import { Command } from 'commander';
import { addCompletion, configureProgram, failedProgram, inProcess, isCompleting } from '../program.ts';
import { commandList } from './command-list.ts';
import { askLine } from './line-prompt.ts';
import { askSecret } from './secret-prompt.ts';
import type { Surroundings } from './surroundings.ts';

const programName = 'tidegate';

/** @param argv the arguments alone, without the names of runtime and script */
export async function main(argv: readonly string[]): Promise<number> {
  const { stdin, stderr } = process;
  return await inProcess(argv, (surroundings) =>
    runCommand(argv, {
      ...surroundings,
      askSecret: stdin.isTTY ? (question) => askSecret(question, stdin, stderr) : undefined,
      askLine: stdin.isTTY ? (question) => askLine(question, stdin, stderr) : undefined,
    }),
  );
}

/** The same for tests: every effect on the process is given. */
export async function runCommand(
  argv: readonly string[],
  given: Omit<Surroundings, 'setExitStatus'>,
): Promise<number> {
  let status = 0;
  const setExitStatus = (value: number): void => {
    status = value;
  };
  let program: Command | undefined;
  try {
    program = await createProgram(argv, { ...given, setExitStatus });
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    return failedProgram(error, askedCommand(program, argv), given.terminal);
  }
}

/** As far as the arguments name commands: whose help has the answer. */
function askedCommand(program: Command | undefined, argv: readonly string[]): string {
  const names = [programName];
  let command = program;
  for (const argument of argv) {
    command = command?.commands.find((candidate) => candidate.name() === argument);
    if (command === undefined) break;
    names.push(argument);
  }
  return names.join(' ');
}

async function createProgram(argv: readonly string[], surroundings: Surroundings): Promise<Command> {
  const program = configureProgram(new Command(programName), surroundings.terminal).description(
    'Signs OS images with TUF, rolls them out to a fleet in waves, and gets them onto hosts safely.',
  );
  for (const { name, summary, load } of commandList) {
    const command = program.command(name).summary(summary).description(sentence(summary));
    if (isCompleting(argv) || argv.includes(name)) (await load()).define(command, surroundings);
  }
  if (isCompleting(argv)) await (await import('./fleet-completion.ts')).offerFleets(program, surroundings);
  await addCompletion(program, argv);
  return program;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
