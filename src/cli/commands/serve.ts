/** `tidegate serve`: hands out a folder or store over HTTP until it is told to stop. */
import { InvalidArgumentError } from 'commander';
import { locationFrom } from '../../storage/address.ts';
import type { Define } from '../surroundings.ts';

interface ServeOptions {
  readonly host: string;
  readonly port: number;
}

export const define: Define = (command, { terminal, signal, environment, directory }) => {
  command
    .argument('<store>', 'folder or address of the store that holds the repository')
    .option('--host <address>', 'address to listen on', environment.TIDEGATE_HOST ?? '127.0.0.1')
    .option(
      '--port <number>',
      'port to listen on, 0 for any',
      portNumber,
      portNumber(environment.TIDEGATE_PORT ?? '8080'),
    )
    .option('--json', 'print lines of JSON: where it listens, then each request')
    .addHelpText('after', '\nExample:\n  tidegate serve ./repository --port 8080\n')
    .action(async (store: string, { host, port }: ServeOptions) => {
      const [{ serve }, { openStore }] = await Promise.all([
        import('../../server/serve.ts'),
        import('../../storage/location.ts'),
      ]);
      const location = locationFrom(directory, store);
      const server = await serve({
        store: await openStore(location),
        host,
        port,
        log: (line) => {
          terminal.note(line);
          terminal.printJsonLine(line);
        },
      });
      terminal.print(`${location} is served at ${server.url}`);
      terminal.printJsonLine(JSON.stringify({ store: location, url: server.url }));
      await new Promise<void>((stop) => signal.addEventListener('abort', () => stop(), { once: true }));
      terminal.note('finishing what is under way; again to stop at once');
      await server.close();
    });
};

function portNumber(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError('expected a number from 0 to 65535');
  return port;
}
