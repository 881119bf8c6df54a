/**
 * `npm run demo`: the life of an image on this machine, in a minute, with nothing faked but the days that pass. See
 * `npm run demo -- --help`.
 *
 * Exit status: 0 when every check passed; 1 when one did not; the status of its class for an error; 130 when it was
 * stopped, and then nothing is left behind.
 */
import { dirname } from 'node:path';
import { TidegateError } from '../src/errors.ts';
import { inProcess } from '../src/program.ts';
import type { Terminal } from '../src/terminal.ts';
import { type DemoFolder, openDemoFolder } from './demo/demo-folder.ts';
import { checkImageSource } from './demo/images.ts';
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
  // Before the folder is emptied of what an earlier run left.
  checkImageSource(options.images);
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

const argv = process.argv.slice(2);
process.exitCode = await inProcess(argv, async ({ terminal, signal }) => {
  try {
    return await main(argv, terminal, signal);
  } catch (error) {
    return terminal.fail(error);
  }
});
