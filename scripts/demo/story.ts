/**
 * What happened, as it happens: told in lines on a screen, and kept as events and checks for the summary and `--json`.
 * The run is good only if every check passed.
 */
import type { Screen } from './screen.ts';

export interface StoryEvent {
  readonly kind: 'phase' | 'note' | 'publication' | 'day' | 'host' | 'attack';
  readonly text: string;
  /** Real milliseconds since the start of the demo. */
  readonly elapsed: number;
  /** The demo's own time, where it runs. */
  readonly time?: string;
  readonly host?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface Check {
  readonly name: string;
  readonly passed: boolean;
  /** What was found. */
  readonly found: string;
}

export interface Phase {
  readonly name: string;
  /** Real milliseconds. */
  readonly duration: number;
}

export interface StoryOptions {
  readonly screen: Screen;
  /** Monotonic milliseconds. */
  readonly stopwatch: () => number;
  readonly style: (look: 'bold' | 'green' | 'red' | 'dim', text: string) => string;
}

export type Told = Omit<StoryEvent, 'elapsed' | 'time'> & { readonly time?: number };

export class Story {
  readonly events: StoryEvent[] = [];
  readonly checks: Check[] = [];
  readonly phases: Phase[] = [];
  readonly #options: StoryOptions;
  readonly #started: number;

  constructor(options: StoryOptions) {
    this.#options = options;
    this.#started = options.stopwatch();
  }

  get elapsed(): number {
    return Math.round(this.#options.stopwatch() - this.#started);
  }

  get failures(): readonly Check[] {
    return this.checks.filter(({ passed }) => !passed);
  }

  /** Runs one part of the demo under a heading, and notes how long it took. */
  async phase<T>(name: string, work: () => Promise<T>): Promise<T> {
    const start = this.#options.stopwatch();
    this.#options.screen.line('');
    this.#options.screen.line(this.#options.style('bold', name));
    this.events.push({ kind: 'phase', text: name, elapsed: this.elapsed });
    const result = await work();
    this.phases.push({ name, duration: Math.round(this.#options.stopwatch() - start) });
    return result;
  }

  tell({ time, ...event }: Told): void {
    this.events.push({
      ...event,
      elapsed: this.elapsed,
      ...(time !== undefined && { time: new Date(time).toISOString() }),
    });
    this.#options.screen.line(`  ${event.text}`);
  }

  note(text: string, data?: Readonly<Record<string, unknown>>): void {
    this.tell({ kind: 'note', text, ...(data && { data }) });
  }

  /** @param found what was found, for the summary; shown only when the check fails */
  check(name: string, passed: boolean, found: string): void {
    this.checks.push({ name, passed, found });
    if (!passed) this.#options.screen.line(this.#options.style('red', `  FAILED: ${name}: ${found}`));
  }

  /** As `check`, by value. */
  checkEqual(name: string, found: unknown, expected: unknown): void {
    const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
    this.check(name, one === other, one === other ? one : `found ${one}, expected ${other}`);
  }
}
