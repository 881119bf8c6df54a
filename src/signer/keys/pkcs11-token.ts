/**
 * The token that an address means, and the login on it.
 *
 * 1. Exactly one token must fit everything that the address states.
 * 2. A wrong PIN is never sent twice by one process, and the last try before a token locks itself is left to people:
 *    a PIN from a file is not risked for it.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Handle, TokenInfo } from 'pkcs11js';
import { TidegateError } from '../../errors.ts';
import type { Pkcs11Address } from './pkcs11-address.ts';
import {
  CKF_SERIAL_SESSION,
  type CKU_CONTEXT_SPECIFIC,
  CKU_USER,
  results,
  tokenFlags,
} from './pkcs11-constants.ts';
import { isTokenGone, resultOf, tokenFault } from './pkcs11-fault.ts';
import { quietly, type TokenLibrary } from './pkcs11-library.ts';
import { numberIn } from './pkcs11-public-key.ts';

export interface Token {
  readonly slot: Handle;
  readonly info: TokenInfo;
}

/** Gets the PIN; its bytes are wiped after use. */
export interface PinSource {
  readonly isFile: boolean;
  read(): Promise<Uint8Array>;
}

/** @throws key-not-found naming the tokens that are there */
export function findToken({ api, path }: TokenLibrary, address: Pkcs11Address, where: string): Token {
  const tokens = atToken(where, 'C_GetSlotList', () =>
    api.C_GetSlotList(true).map((slot) => ({ slot, info: api.C_GetTokenInfo(slot) })),
  );
  const fitting = tokens.filter((token) => fits(token, address));
  const [token] = fitting;
  if (token !== undefined && fitting.length === 1) return token;
  const names = (fitting.length > 0 ? fitting : tokens).map(nameOf).join(', ') || 'none';
  const text =
    fitting.length > 0
      ? `${where}: ${fitting.length} tokens fit: ${names}; add serial=… or slot-id=… to the address`
      : `${where}: no token fits; ${path} shows: ${names}`;
  throw new TidegateError('key-not-found', text, { key: where, tokens: tokens.map(nameOf) });
}

function fits({ slot, info }: Token, address: Pkcs11Address): boolean {
  const stated: readonly (readonly [string | undefined, string])[] = [
    [address.token, info.label],
    [address.manufacturer, info.manufacturerID],
    [address.model, info.model],
    [address.serial, info.serialNumber],
  ];
  const isSlot = address.slotId === undefined || address.slotId === numberIn(slot);
  return isSlot && stated.every(([wanted, found]) => wanted === undefined || wanted === unpadded(found));
}

function nameOf({ slot, info }: Token): string {
  return `${JSON.stringify(unpadded(info.label))} (serial ${unpadded(info.serialNumber)}, slot-id ${numberIn(slot)})`;
}

/** The standard fills fixed fields with blanks; some libraries use zeros. */
function unpadded(text: string): string {
  return text.replace(/[ \0]+$/, '');
}

/**
 * The session that keeps the login of a token; it is opened with the first of the token's keys.
 *
 * @throws passphrase-wrong, key-service-denied, key-service-unavailable, and what reading the PIN throws
 */
export async function openSession(
  library: TokenLibrary,
  token: Token,
  pin: PinSource,
  where: string,
): Promise<Handle> {
  const { api, sessions } = library;
  const slot = token.slot.toString('hex');
  const known = sessions.get(slot);
  if (known !== undefined) return known;
  const session = atToken(where, 'C_OpenSession', () => api.C_OpenSession(token.slot, CKF_SERIAL_SESSION));
  try {
    await login({ library, token, session, userType: CKU_USER }, pin, where);
  } catch (error) {
    quietly(() => api.C_CloseSession(session));
    throw error;
  }
  sessions.set(slot, session);
  return session;
}

/** Forgets a session whose token is gone, so that the key can be opened anew. */
export function dropSession({ api, sessions }: TokenLibrary, { slot }: Token, error: unknown): void {
  const session = sessions.get(slot.toString('hex'));
  if (session === undefined || !isTokenGone(error)) return;
  sessions.delete(slot.toString('hex'));
  quietly(() => api.C_CloseSession(session));
}

interface Login {
  readonly library: TokenLibrary;
  readonly token: Token;
  readonly session: Handle;
  /** `CKU_CONTEXT_SPECIFIC`: for one signature. */
  readonly userType: typeof CKU_USER | typeof CKU_CONTEXT_SPECIFIC;
}

export async function login(
  { library: { api }, token, session, userType }: Login,
  pin: PinSource,
  where: string,
): Promise<void> {
  const { flags } = api.C_GetTokenInfo(token.slot);
  if ((flags & tokenFlags.CKF_LOGIN_REQUIRED) === 0) return;
  if (flags & tokenFlags.CKF_PROTECTED_AUTHENTICATION_PATH) {
    // The PIN is typed at the device.
    atToken(where, 'C_Login', () => api.C_Login(session, userType));
    return;
  }
  checkTries(flags, pin, where);
  const bytes = await pin.read();
  try {
    checkFresh(token, bytes, where);
    // pkcs11js takes text, which cannot be wiped afterwards; it is not kept.
    api.C_Login(session, userType, Buffer.from(bytes).toString());
  } catch (error) {
    if (resultOf(error) === results.CKR_USER_ALREADY_LOGGED_IN) return;
    if (resultOf(error) === undefined) throw error;
    if (resultOf(error) === results.CKR_PIN_INCORRECT) refused.add(sealed(token, bytes));
    throw withTries(tokenFault(error, where, 'C_Login'), api.C_GetTokenInfo(token.slot).flags);
  } finally {
    bytes.fill(0);
  }
}

function checkTries(flags: number, pin: PinSource, where: string): void {
  if (flags & tokenFlags.CKF_USER_PIN_LOCKED) {
    const text = `${where}: the token has locked its PIN after too many wrong ones; unlock it with the PUK or the SO PIN`;
    throw new TidegateError('key-service-denied', text, { key: where });
  }
  if (flags & tokenFlags.CKF_USER_PIN_FINAL_TRY && pin.isFile) {
    const text = `${where}: one more wrong PIN locks the token, so the PIN of a file is not tried; leave pin-source out and type it`;
    throw new TidegateError('key-service-denied', text, { key: where });
  }
}

/** Wrong PINs of this process, as keyed digests. */
const refused = new Set<string>();
const seal = randomBytes(32);

function sealed({ slot, info }: Token, pin: Uint8Array): string {
  return createHmac('sha256', seal)
    .update(`${slot.toString('hex')} ${info.serialNumber} `)
    .update(pin)
    .digest('hex');
}

function checkFresh(token: Token, pin: Uint8Array, where: string): void {
  if (!refused.has(sealed(token, pin))) return;
  const text = `${where}: this PIN was wrong before, and is not sent again, because tokens lock`;
  throw new TidegateError('passphrase-wrong', text, { key: where });
}

function withTries(error: TidegateError, flags: number): TidegateError {
  const words =
    flags & tokenFlags.CKF_USER_PIN_LOCKED
      ? 'the token has now locked its PIN'
      : flags & tokenFlags.CKF_USER_PIN_FINAL_TRY
        ? 'ONE try is left before the token locks itself'
        : flags & tokenFlags.CKF_USER_PIN_COUNT_LOW
          ? 'the token counts: few tries are left before it locks itself'
          : undefined;
  if (words === undefined || error.code !== 'passphrase-wrong') return error;
  return new TidegateError(error.code, `${error.message}; ${words}`, error.details);
}

/** One call of the library, with its error in our words. */
export function atToken<Result>(where: string, action: string, call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    throw tokenFault(error, where, action);
  }
}
