/**
 * How a service of AWS is asked, for all of them.
 *
 * 1. The SDK's own retries are off; ours are counted, wait with jitter, and end.
 * 2. Every attempt has a stall limit, and every wait ends when the caller cancels. The SDK does not hand a signal to
 *    everything (looking for credentials, for one), so we do not wait for it to listen.
 * 3. Credentials come from where the SDK looks: environment, shared files, single sign-on, the role of the machine.
 * 4. Every error names the key and the action, as IAM spells it.
 */
import { randomInt } from 'node:crypto';
import { TidegateError } from '../../errors.ts';
import { cancelled, pause } from '../../storage/cancel.ts';
import type { AwsPlace } from './aws-address.ts';
import { awsFaultOf } from './aws-fault.ts';
import { unlessAborted } from './interruption.ts';
import type { KeyContext } from './key-context.ts';

/** Times in milliseconds. */
export const awsLimits = { attempts: 6, stall: 10_000, firstPause: 200, longestPause: 5_000 } as const;

/** What tests put in the place of the world. */
export interface AwsDevices {
  /** 0 up to 1. */
  readonly random?: () => number;
  readonly pause?: typeof pause;
  /** Milliseconds that one attempt may take. */
  readonly stall?: number;
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}

export interface AwsClientOptions {
  readonly maxAttempts: number;
  readonly region?: string;
  readonly profile?: string;
  readonly endpoint?: string;
  readonly credentials?: NonNullable<AwsDevices['credentials']>;
}

export function awsClientOptions(
  { region, profile, endpoint }: AwsPlace,
  { credentials }: AwsDevices,
): AwsClientOptions {
  return {
    maxAttempts: 1,
    ...(region !== undefined && { region }),
    ...(profile !== undefined && { profile }),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
  };
}

/** `timestamp-1 (awskms:alias/timestamp in eu-central-1)`, for messages. */
export function awsPlaceName(
  name: string,
  { region, profile }: AwsPlace,
  context: Pick<KeyContext, 'name'>,
): string {
  const place = [
    name,
    region === undefined ? '' : ` in ${region}`,
    profile === undefined ? '' : ` by profile ${profile}`,
  ].join('');
  return context.name === undefined ? place : `${context.name} (${place})`;
}

/** One request: which key, which action in IAM's spelling, and who may cancel it. */
export interface AwsCall {
  readonly where: string;
  readonly action: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * @param send sends the request once, and gives up with the signal
 * @throws key-service-denied, key-service-unavailable, key-not-found, key-unusable, key-uri-invalid, cancelled
 */
export async function askAws<Answer>(
  call: AwsCall,
  send: (options: { readonly abortSignal: AbortSignal }) => Promise<Answer>,
  devices: AwsDevices,
): Promise<Answer> {
  const { random = fromNode, pause: wait = pause, stall = awsLimits.stall } = devices;
  const what = `${call.action} with ${call.where}`;
  for (let attempt = 1; ; attempt += 1) {
    const found = await attemptOnce(call, send, stall);
    if ('answer' in found) return found.answer;
    if (call.signal?.aborted === true) throw cancelled(what, call.signal);
    const { code, reason, passing } = found.fault;
    if (!passing || attempt === awsLimits.attempts) {
      const tries = attempt === 1 ? '' : `, after ${attempt} attempts`;
      const text = `${call.where}: ${call.action} failed${tries}: ${reason}`;
      throw new TidegateError(code, text, { key: call.where, action: call.action, attempts: attempt });
    }
    await wait(pauseBefore(attempt + 1, random()), what, call.signal);
  }
}

/** The signer takes no chance but that of node:crypto, not even here. */
function fromNode(): number {
  return randomInt(chances) / chances;
}

const chances = 2 ** 32;

/** Half of the doubling pause is certain, the other half is left to chance, so that signers do not march in step. */
export function pauseBefore(attempt: number, random: number): number {
  const full = Math.min(awsLimits.longestPause, awsLimits.firstPause * 2 ** (attempt - 2));
  return Math.round(full / 2 + (full / 2) * random);
}

type Outcome<Answer> = { readonly answer: Answer } | { readonly fault: ReturnType<typeof awsFaultOf> };

async function attemptOnce<Answer>(
  { signal }: AwsCall,
  send: (options: { readonly abortSignal: AbortSignal }) => Promise<Answer>,
  stall: number,
): Promise<Outcome<Answer>> {
  const limit = AbortSignal.timeout(stall);
  const abortSignal = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  try {
    return { answer: await unlessAborted(send({ abortSignal }), abortSignal) };
  } catch (error) {
    if (!limit.aborted) return { fault: awsFaultOf(error) };
    const reason = `the service gave no answer within ${stall} ms`;
    return { fault: { code: 'key-service-unavailable', reason, passing: true } };
  }
}
