/**
 * Credentials before the request that they sign. What hands them out (a role's service, single sign-on, a program, the
 * machine) fails in its own words and with its own statuses: 404 from there says nothing about a file of the bucket.
 * - A command line of the profile and what it prints stand in no message: either may hold a secret.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import { type ErrorCode, TidegateError } from '../errors.ts';
import { isSystem } from './disk-error.ts';
import { printable, statusOf } from './s3-fault.ts';

/** What the SDK notes of each place where it looked. */
export class CredentialNotes {
  #notes: string[] = [];

  readonly logger = {
    trace: (): void => undefined,
    debug: (note: unknown): void => void this.#notes.splice(0, this.#notes.length - most, String(note)),
    info: (): void => undefined,
    warn: (): void => undefined,
    error: (): void => undefined,
  };

  get processFailed(): boolean {
    return this.#notes.some((note) => /Command failed|credential_process|Process credentials/i.test(note));
  }

  clear(): void {
    this.#notes = [];
  }
}

const most = 50;

export interface CredentialSearch {
  readonly notes: CredentialNotes;
  readonly location: string;
  /** The one that is asked for, by the address or the environment. */
  readonly profile: string | undefined;
}

/** Kept by the SDK until they expire. @throws config-invalid, access-denied, network-unreachable */
export async function checkCredentials(
  client: S3Client,
  { notes, location, profile }: CredentialSearch,
): Promise<void> {
  notes.clear();
  try {
    await client.config.credentials();
  } catch (error) {
    if (error instanceof TidegateError || /^Region is missing/.test(textOf(error))) throw error;
    const status = statusOf(error);
    const details = { location, found: 'credentials', ...(status > 0 && { status }) };
    const text = `No AWS credentials for ${location}: ${reasonOf(error, status, { notes, profile })}.`;
    throw new TidegateError(codeOf(error, status), text, details, { cause: error });
  }
}

function codeOf(error: unknown, status: number): ErrorCode {
  if (status >= 400 && status < 500 && status !== 429) return 'access-denied';
  const unreachable =
    status >= 300 ||
    isSystem(error, 'ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH') ||
    (error instanceof Error && error.name === 'TimeoutError');
  return unreachable ? 'network-unreachable' : 'config-invalid';
}

function reasonOf(
  error: unknown,
  status: number,
  { notes, profile = '' }: Omit<CredentialSearch, 'location'>,
): string {
  if (notes.processFailed) return "the profile's credential_process failed; run it by hand to see why";
  const text = printable(textOf(error)).slice(0, 300).replace(/\.$/, '');
  if (/from any providers/.test(text))
    return profile === ''
      ? "looked in the environment, the default profile and the machine's role; set AWS_PROFILE or AWS_ACCESS_KEY_ID, or sign in"
      : `the profile ${printable(profile)}, which goes before AWS_ACCESS_KEY_ID, has none; name another one, or sign in`;
  return status > 0 ? `what hands them out answered ${status}: ${text}` : text;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
