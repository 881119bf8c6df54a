/**
 * One loopback server for all cases: each mounts its repository under a number. Names arrive percent-encoded
 * and are kept so, because how a client encodes them is part of what is checked.
 */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';

/** @param path below the mount, still encoded; undefined is "does not exist" */
export type Answer = (path: string) => Promise<Uint8Array | undefined>;

export class Mounts {
  readonly #server: Server;
  readonly #answers = new Map<string, Answer>();
  readonly #origin: string;
  #count = 0;

  private constructor(server: Server, origin: string) {
    this.#server = server;
    this.#origin = origin;
    server.on('request', (request, response) => {
      this.#serve(request.url ?? '', response).catch(() => response.destroy());
    });
  }

  static async open(): Promise<Mounts> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    return new Mounts(server, `http://127.0.0.1:${address.port}`);
  }

  /** @returns the base address, without a slash at its end */
  add(answer: Answer): string {
    this.#count += 1;
    this.#answers.set(String(this.#count), answer);
    return `${this.#origin}/${this.#count}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #serve(url: string, response: ServerResponse): Promise<void> {
    const [, mount = '', path = ''] = /^\/(\d+)\/(.*)$/.exec(url) ?? [];
    const bytes = await this.#answers.get(mount)?.(path);
    if (bytes === undefined) response.writeHead(404, { 'content-length': 0 }).end();
    else response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  }
}
