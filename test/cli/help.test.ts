/** Every command in one style: a sentence, what it takes, --json, an example that it would understand. */
import assert from 'node:assert/strict';
import { Command } from 'commander';
import { commandList } from '../../src/cli/command-list.ts';
import { createTerminal } from '../../src/terminal.ts';

const silent = { write: () => true };
const surroundings = {
  terminal: createTerminal({ json: false, stdout: silent, stderr: silent, clock: () => 0 }),
  environment: {},
  now: () => 0,
  signal: new AbortController().signal,
  directory: '/',
  askSecret: undefined,
  askLine: undefined,
  setExitStatus: () => undefined,
};

async function leaves(): Promise<ReadonlyMap<string, Command>> {
  const found = new Map<string, Command>();
  const walk = (command: Command, name: string): void => {
    if (command.commands.length === 0) found.set(name, command);
    for (const child of command.commands) walk(child, `${name} ${child.name()}`);
  };
  for (const { name, summary, load } of commandList) {
    const command = new Command(name).description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`);
    (await load()).define(command, surroundings);
    walk(command, name);
  }
  return found;
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

/** Examples that a shell would take apart: continued lines are one. */
function examplesIn(help: string): readonly string[] {
  const [, rest = ''] = /\nExamples?[^\n]*:\n([\s\S]*)$/.exec(help) ?? [];
  return rest
    .replaceAll(/\\\n +/g, '')
    .split('\n')
    .filter((line) => /^ {2}tidegate/.test(line))
    .map((line) => line.trim().replace(/ {3,}.*$/, ''));
}

describe('help of every command', () => {
  let commands: ReadonlyMap<string, Command>;
  before(async () => {
    commands = await leaves();
  });

  it('is a sentence, and has --json and an example', () => {
    assert.ok(commands.size > 40);
    for (const [name, command] of commands) {
      const help = helpOf(command);
      assert.match(command.description(), /^[A-Z].*\.$/s, name);
      assert.match(help, /--json/, name);
      assert.match(help, /\nExamples?\b[^\n]*:\n {2}\S/, name);
      assert.doesNotMatch(help, /\nExample:\n( {2}[^\n]*[^\\]\n){2}/, `${name}: Example: is for one`);
    }
  });

  it('names in its examples only options that there are', () => {
    for (const [name, command] of commands) {
      const examples = examplesIn(helpOf(command)).filter((line) =>
        line.replace('tidegate-agent', 'tidegate host').startsWith(`tidegate ${name}`),
      );
      if (name !== 'key check-commit') assert.ok(examples.length > 0, name);
      const known = new Set(command.options.flatMap(({ long, short }) => [long, short]));
      for (const example of examples)
        for (const [, option] of example.matchAll(/ (--?[a-z][a-z-]*)/g))
          assert.ok(known.has(option), `${name}: ${option} in: ${example}`);
    }
  });
});
