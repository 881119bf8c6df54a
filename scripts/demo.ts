/**
 * `npm run demo`: the life of an image on this machine, in a minute, with nothing faked but the days that pass. See
 * `npm run demo -- --help`.
 *
 * Exit status: 0 when every check passed; 1 when one did not; the status of its class for an error; 130 when it was
 * stopped, and then nothing is left behind.
 */
import { dirname } from 'node:path';
import { TidegateError } from '../src/errors.ts';
import { createTerminal, type Terminal } from '../src/terminal.ts';
import { type DemoFolder, openDemoFolder } from './demo/demo-folder.ts';
import { help, parseOptions } from './demo/options.ts';
import { runDemo } from './demo/run.ts';
import { createScreen } from './demo/screen.ts';
import { Story } from './demo/story.ts';
import { summaryData, summaryLines } from './demo/summary.ts';

const stopwatch = (): number => performance.now();

async function main(argv: readonly string[], terminal: Terminal, signal: AbortSignal): Promise<number> {
  const options = parseOptions(argv, process.cwd());
  if (options === undefined) {
    process.stdout.write(help);
    return 0;
  }
  const screen = createScreen(terminal, process.stdout, stopwatch);
  const style = (look: Parameters<Terminal['style']>[0], text: string): string => terminal.style(look, text);
  const story = new Story({ screen, stopwatch, style });
  const folder = openDemoFolder(options.directory);
  const repository = dirname(import.meta.dirname);
  const stage = { options, folder, repository, story, screen, styler: style, signal, realTime: Date.now() };
  try {
    const outcome = await runDemo(stage);
    folder.finish();
    for (const line of summaryLines(outcome)) terminal.print(line);
    terminal.printJson(summaryData(outcome, story.events));
    return story.failures.length === 0 ? 0 : 1;
  } catch (error) {
    leave(folder, signal);
    if (!signal.aborted) terminal.note(`What was made until then lies in ${options.directory}.`);
    throw signal.aborted ? stopped() : error;
  }
}

/** Stopped: nothing stays. Failed: it stays for whoever looks for the cause. */
function leave(folder: DemoFolder, signal: AbortSignal): void {
  if (signal.aborted) folder.remove();
  else folder.finish();
}

function stopped(): TidegateError {
  return new TidegateError('cancelled', 'The demo was stopped; what it had made is removed.');
}

const abort = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => abort.abort());
const argv = process.argv.slice(2);
const terminal = createTerminal({
  json: argv.includes('--json'),
  stdout: process.stdout,
  stderr: process.stderr,
  clock: stopwatch,
});
try {
  process.exitCode = await main(argv, terminal, abort.signal);
} catch (error) {
  process.exitCode = terminal.fail(error);
}
