/**
 * Requests to a bucket: bounded in number at once, in tries, and in time.
 * - Reads, and writes that are the same however often they are done, are tried again; every wait is jittered.
 * - Conditional writes are sent once; whoever sends them looks at what is there before sending again.
 * - Expired credentials are read anew once per request; a refused request has done nothing.
 */
import { TidegateError } from '../errors.ts';
import { cancelled, pause } from './cancel.ts';
import { UploadBuffers } from './s3-buffers.ts';
import { Concurrency } from './s3-concurrency.ts';
import type { S3Connection, S3Request } from './s3-connection.ts';
import { faultError, faultOf, isAmbiguous, type S3Fault, type S3FaultKind } from './s3-fault.ts';

export interface S3RetryOptions {
  /** Tries of one request, the first included. */
  readonly attempts?: number;
  /** The longest first wait and the longest of all, in milliseconds. */
  readonly firstWait?: number;
  readonly longestWait?: number;
  /** From 0 to less than 1. */
  readonly random?: () => number;
  readonly sleep?: (milliseconds: number, what: string, signal: AbortSignal | undefined) => Promise<void>;
}

export const defaultRetry: Required<S3RetryOptions> = {
  attempts: 7,
  firstWait: 200,
  longestWait: 20_000,
  random: Math.random,
  sleep: pause,
};

export class S3Calls {
  readonly connection: S3Connection;
  readonly location: string;
  readonly concurrency: Concurrency;
  readonly buffers: UploadBuffers;
  readonly #retry: Required<S3RetryOptions>;

  constructor(
    connection: S3Connection,
    retry: S3RetryOptions,
    concurrency = new Concurrency(),
    buffers = new UploadBuffers(),
  ) {
    this.connection = connection;
    this.location = connection.location;
    this.concurrency = concurrency;
    this.buffers = buffers;
    this.#retry = { ...defaultRetry, ...retry };
  }

  /** The same connection, turns and memory with other rules for trying again. */
  retrying(retry: S3RetryOptions): S3Calls {
    return new S3Calls(this.connection, { ...this.#retry, ...retry }, this.concurrency, this.buffers);
  }

  get attempts(): number {
    return this.#retry.attempts;
  }

  /** Sends until there is an answer other than trouble on the way, at most `attempts` times. Throws coded errors. */
  async repeat<Output>(
    what: string,
    request: S3Request<Output>,
    signal: AbortSignal | undefined,
  ): Promise<Output> {
    return this.orFault(await this.repeatUnless(what, request, signal, []), what);
  }

  /** The same, but faults of these kinds are handed back. */
  async repeatUnless<Output>(
    what: string,
    request: S3Request<Output>,
    signal: AbortSignal | undefined,
    wanted: readonly S3FaultKind[],
  ): Promise<Output | S3Refusal> {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.once(what, request, signal);
      if (!(outcome instanceof S3Refusal) || wanted.includes(outcome.fault.kind)) return outcome;
      const { fault } = outcome;
      if (!(isAmbiguous(fault) || fault.kind === 'conflict') || attempt >= this.#retry.attempts)
        throw faultError(fault, what, this.location);
      await this.wait(attempt, what, signal);
    }
  }

  /** Sends once, or twice where the credentials had expired. */
  async once<Output>(
    what: string,
    request: S3Request<Output>,
    signal: AbortSignal | undefined,
  ): Promise<Output | S3Refusal> {
    const { renewals } = this.connection;
    const first = await this.#send(what, request, signal);
    if (!(first instanceof S3Refusal) || first.fault.kind !== 'expired') return first;
    this.connection.renew(renewals);
    return await this.#send(what, request, signal);
  }

  /** The output, or the fault as a coded error. */
  orFault<Output>(outcome: Output | S3Refusal, what: string): Output {
    if (outcome instanceof S3Refusal) throw faultError(outcome.fault, what, this.location);
    return outcome;
  }

  /** Waits before the next try: up to twice as long each time, and any part of that. */
  async wait(attempt: number, what: string, signal: AbortSignal | undefined): Promise<void> {
    const { firstWait, longestWait, random, sleep } = this.#retry;
    await sleep(Math.min(longestWait, firstWait * 2 ** (attempt - 1)) * random(), what, signal);
  }

  async #send<Output>(
    what: string,
    request: S3Request<Output>,
    signal: AbortSignal | undefined,
  ): Promise<Output | S3Refusal> {
    const turn = await this.concurrency.begin(what, signal);
    try {
      const output = await this.connection.send(request, signal);
      this.concurrency.end(turn, 'success');
      return output;
    } catch (error) {
      const { now, storeTime } = this.connection;
      const fault = faultOf(error, now(), storeTime);
      // Whatever the store answers in good time, it is not overloaded.
      const outcome = isAmbiguous(fault) ? 'other' : 'success';
      // On a thin line many at once starve each other until they stall: fewer of them come through.
      const tooMany = fault.kind === 'throttled' || fault.kind === 'too-slow';
      this.concurrency.end(turn, tooMany ? 'throttled' : outcome);
      if (signal?.aborted === true) throw cancelled(what, signal);
      if (error instanceof TidegateError) throw error;
      const configuration = configurationError(error, this.location);
      if (configuration !== undefined) throw configuration;
      return new S3Refusal(fault);
    }
  }
}

/** A request that came to nothing, as a value. */
export class S3Refusal {
  readonly fault: S3Fault;

  constructor(fault: S3Fault) {
    this.fault = fault;
  }
}

/** What the SDK finds wrong before it sends anything. */
function configurationError(error: unknown, location: string): TidegateError | undefined {
  if (!(error instanceof Error) || !/^Region (is missing|not accepted)/.test(error.message)) return undefined;
  const found = error.message.startsWith('Region is') ? 'No AWS region' : 'No usable AWS region';
  const text = `${found} for ${location}: looked in the address, the environment and the profile; write region=… into the address, or set AWS_REGION.`;
  return new TidegateError('config-invalid', text, { location, found: 'region' }, { cause: error });
}
