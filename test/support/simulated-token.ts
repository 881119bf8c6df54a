/**
 * Tokens as a PKCS#11 library shows them, for what a real one cannot be brought to do on demand: count PINs and lock
 * itself, be pulled out, hold strange objects. They really sign. How real tokens behave is tested in test/hardware.
 */
import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { Attribute, Handle, Mechanism, PKCS11, TokenInfo } from 'pkcs11js';
import {
  attributes,
  mechanisms,
  objectClasses,
  results,
  tokenFlags,
} from '../../src/signer/keys/pkcs11-constants.ts';
import type { TokenLibrary } from '../../src/signer/keys/pkcs11-library.ts';
import { Turns } from '../../src/signer/keys/turns.ts';
import { ecdsaOverDigest, pssOverDigest } from './digest-signature.ts';

export interface SimulatedObject {
  readonly attributes: ReadonlyMap<number, Buffer>;
  /** Of private keys. */
  readonly privateKey?: KeyObject;
}

export interface SimulatedToken {
  readonly label: string;
  readonly serial?: string;
  readonly pin?: string;
  readonly padAtDevice?: boolean;
  readonly mechanisms?: readonly number[];
  readonly objects: readonly SimulatedObject[];
  /** Wrong PINs that are still allowed. */
  tries?: number;
  /** Every call fails with this. */
  fault?: keyof typeof results | undefined;
  /** What is done to a signature before it leaves. */
  alter?: (signature: Buffer) => Buffer;
}

export interface Simulation {
  readonly library: TokenLibrary;
  /** Names of the calls, in their order. */
  readonly calls: string[];
  /** PINs that were sent. */
  readonly pins: string[];
  openSessions(): number;
}

function fault(name: keyof typeof results | 'CKR_ATTRIBUTE_TYPE_INVALID' | 'CKR_OPERATION_ACTIVE'): Error {
  const others: Readonly<Record<string, number>> = {
    CKR_ATTRIBUTE_TYPE_INVALID: 0x12,
    CKR_OPERATION_ACTIVE: 0x90,
  };
  const code =
    name in results ? Object.entries(results).find(([known]) => known === name)?.[1] : others[name];
  return Object.assign(new Error(name), { code });
}

interface Session {
  readonly token: SimulatedToken;
  found: readonly Handle[];
  signing: { readonly mechanism: number; readonly object: SimulatedObject } | undefined;
  unlocked: boolean;
}

const allMechanisms = [mechanisms.CKM_ECDSA, mechanisms.CKM_RSA_PKCS_PSS, mechanisms.CKM_EDDSA];
const flagsBelow: readonly (readonly [number, number])[] = [
  [3, tokenFlags.CKF_USER_PIN_COUNT_LOW],
  [2, tokenFlags.CKF_USER_PIN_FINAL_TRY],
  [1, tokenFlags.CKF_USER_PIN_LOCKED],
];

export function simulate(tokens: readonly SimulatedToken[]): Simulation {
  const calls: string[] = [];
  const pins: string[] = [];
  const sessions = new Map<string, Session>();
  const loggedIn = new Set<SimulatedToken>();
  let handles = 0;
  const newHandle = (): Handle => {
    handles += 1;
    return Buffer.from([handles, 0, 0, 0]);
  };
  const objects = new Map<string, SimulatedObject>();
  const handleOf = new Map<SimulatedObject, Handle>();
  for (const object of tokens.flatMap((token) => token.objects)) {
    const handle = newHandle();
    handleOf.set(object, handle);
    objects.set(handle.toString('hex'), object);
  }
  const note = (name: string, token?: SimulatedToken): void => {
    calls.push(name);
    if (token?.fault !== undefined) throw fault(token.fault);
  };
  const tokenAt = (slot: Handle): SimulatedToken => {
    const token = tokens[slot[0] ?? -1];
    if (token === undefined) throw fault('CKR_TOKEN_NOT_PRESENT');
    return token;
  };
  const sessionAt = (handle: Handle): Session => {
    const session = sessions.get(handle.toString('hex'));
    if (session === undefined) throw fault('CKR_SESSION_HANDLE_INVALID');
    return session;
  };
  const login = (token: SimulatedToken, pin: string | undefined): void => {
    if (pin !== undefined) pins.push(pin);
    if (token.tries === 0) throw fault('CKR_PIN_LOCKED');
    if (token.padAtDevice === true || pin === token.pin) return;
    token.tries = (token.tries ?? 10) - 1;
    throw fault('CKR_PIN_INCORRECT');
  };

  const api: PKCS11 = {
    load: () => undefined,
    close: () => undefined,
    C_Initialize: () => undefined,
    C_Finalize: () => undefined,
    C_GetSlotList: () => tokens.map((_, index) => Buffer.from([index, 0, 0, 0])),
    C_GetTokenInfo: (slot) => infoOf(tokenAt(slot)),
    C_GetMechanismList: (slot) => [...(tokenAt(slot).mechanisms ?? allMechanisms)],
    C_OpenSession: (slot) => {
      const token = tokenAt(slot);
      note('C_OpenSession', token);
      const handle = newHandle();
      sessions.set(handle.toString('hex'), { token, found: [], signing: undefined, unlocked: false });
      return handle;
    },
    C_CloseSession: (handle) => {
      note('C_CloseSession');
      const session = sessions.get(handle.toString('hex'));
      sessions.delete(handle.toString('hex'));
      const others = [...sessions.values()].some(({ token }) => token === session?.token);
      if (session !== undefined && !others) loggedIn.delete(session.token);
    },
    C_Login: (handle, userType, pin) => {
      const session = sessionAt(handle);
      note(userType === 1 ? 'C_Login' : 'C_Login for one signature', session.token);
      if (userType === 1 && loggedIn.has(session.token)) throw fault('CKR_USER_ALREADY_LOGGED_IN');
      login(session.token, pin);
      if (userType === 1) loggedIn.add(session.token);
      else session.unlocked = true;
    },
    C_Logout: (handle) => {
      loggedIn.delete(sessionAt(handle).token);
    },
    C_FindObjectsInit: (handle, template) => {
      const session = sessionAt(handle);
      note('C_FindObjectsInit', session.token);
      const isVisible = (object: SimulatedObject): boolean =>
        object.privateKey === undefined || session.token.pin === undefined || loggedIn.has(session.token);
      const fitting = session.token.objects.filter((object) => isVisible(object) && fits(object, template));
      session.found = fitting.flatMap((object) => handleOf.get(object) ?? []);
    },
    C_FindObjects: (handle) => [...sessionAt(handle).found],
    C_FindObjectsFinal: () => undefined,
    C_GetAttributeValue: (_, handle, template) =>
      template.map(({ type }) => {
        const value = objects.get(handle.toString('hex'))?.attributes.get(type);
        if (value === undefined) throw fault('CKR_ATTRIBUTE_TYPE_INVALID');
        return { value };
      }),
    C_SignInit: (handle, { mechanism }: Mechanism, key) => {
      const session = sessionAt(handle);
      note('C_SignInit', session.token);
      if (session.signing !== undefined) throw fault('CKR_OPERATION_ACTIVE');
      const object = objects.get(key.toString('hex'));
      if (object !== undefined) session.signing = { mechanism, object };
    },
    C_SignAsync: async (handle, data) => {
      const session = sessionAt(handle);
      note('C_Sign', session.token);
      const { signing, token } = session;
      if (signing === undefined) throw fault('CKR_FUNCTION_CANCELED');
      const asksAlways = signing.object.attributes.get(attributes.CKA_ALWAYS_AUTHENTICATE)?.[0] === 1;
      if (asksAlways && !session.unlocked) throw fault('CKR_USER_NOT_LOGGED_IN');
      session.signing = undefined;
      const signature = signatureOf(signing.object.privateKey, signing.mechanism, data);
      return token.alter?.(signature) ?? signature;
    },
  };
  const library: TokenLibrary = {
    path: '/simulated.so',
    api,
    pssParameters: 5,
    turns: new Turns(),
    sessions: new Map(),
  };
  return { library, calls, pins, openSessions: () => sessions.size };
}

function signatureOf(key: KeyObject | undefined, mechanism: number, data: Buffer): Buffer {
  if (key === undefined) throw fault('CKR_DEVICE_ERROR');
  if (mechanism === mechanisms.CKM_ECDSA) return ecdsaOverDigest(key, data);
  if (mechanism === mechanisms.CKM_RSA_PKCS_PSS) return pssOverDigest(key, data);
  if (mechanism === mechanisms.CKM_EDDSA) return sign(null, data, key);
  return sign('sha256', data, { key, padding: 6, saltLength: 32 });
}

function infoOf({ label, serial = '1', pin, padAtDevice, tries = 10 }: SimulatedToken): TokenInfo {
  let flags = pin === undefined && padAtDevice !== true ? 0 : tokenFlags.CKF_LOGIN_REQUIRED;
  if (padAtDevice === true) flags |= tokenFlags.CKF_PROTECTED_AUTHENTICATION_PATH;
  for (const [limit, flag] of flagsBelow) if (tries < limit) flags |= flag;
  const model = 'Simulated';
  return {
    label: label.padEnd(32),
    manufacturerID: 'Tidegate'.padEnd(32),
    model,
    serialNumber: serial,
    flags,
  };
}

function fits({ attributes: own }: SimulatedObject, template: readonly Attribute[]): boolean {
  return template.every(({ type, value }) => {
    const found = own.get(type);
    if (typeof value === 'number') return found?.[0] === value;
    return found?.equals(Buffer.isBuffer(value) ? value : Buffer.from(`${value}`)) === true;
  });
}

const pointHead = Buffer.from([4, 65]);

export interface KeyShape {
  readonly label: string;
  readonly id?: number;
  readonly privateKey: KeyObject;
  /** Instead of a public key object: an attribute of the private key, or nothing. */
  readonly publicHalf?: 'object' | 'info' | 'none';
  readonly more?: ReadonlyMap<number, Buffer>;
}

/** A private key and its public half, as tokens keep them. */
export function keyObjects({
  label,
  id = 1,
  privateKey,
  publicHalf = 'object',
  more = new Map(),
}: KeyShape): readonly SimulatedObject[] {
  const names: [number, Buffer][] = [
    [attributes.CKA_LABEL, Buffer.from(label)],
    [attributes.CKA_ID, Buffer.from([id])],
  ];
  const publicKey = createPublicKey(privateKey);
  const numbers = numbersOf(publicKey);
  const kind = numbers.get(attributes.CKA_KEY_TYPE) ?? Buffer.alloc(0);
  const info = publicKey.export({ format: 'der', type: 'spki' });
  const secret: SimulatedObject = {
    privateKey,
    attributes: new Map([
      ...names,
      [attributes.CKA_CLASS, Buffer.from([objectClasses.CKO_PRIVATE_KEY])],
      [attributes.CKA_KEY_TYPE, kind],
      ...(publicHalf === 'info' ? ([[attributes.CKA_PUBLIC_KEY_INFO, info]] as const) : []),
      ...more,
    ]),
  };
  const shown: SimulatedObject = {
    attributes: new Map([
      ...names,
      [attributes.CKA_CLASS, Buffer.from([objectClasses.CKO_PUBLIC_KEY])],
      ...numbers,
    ]),
  };
  return publicHalf === 'object' ? [shown, secret] : [secret];
}

function numbersOf(key: KeyObject): Map<number, Buffer> {
  const { x = '', y = '', n = '', e = '' } = key.export({ format: 'jwk' });
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64url');
  switch (key.asymmetricKeyType) {
    case 'ec':
      return new Map([
        [attributes.CKA_KEY_TYPE, Buffer.from([3, 0, 0, 0])],
        [attributes.CKA_EC_PARAMS, Buffer.from('06082a8648ce3d030107', 'hex')],
        [attributes.CKA_EC_POINT, Buffer.concat([pointHead, Buffer.from([4]), bytes(x), bytes(y)])],
      ]);
    case 'ed25519':
      return new Map([
        [attributes.CKA_KEY_TYPE, Buffer.from([0x40, 0, 0, 0])],
        [attributes.CKA_EC_PARAMS, Buffer.from('06032b6570', 'hex')],
        [attributes.CKA_EC_POINT, Buffer.concat([Buffer.from([4, 32]), bytes(x)])],
      ]);
    default:
      return new Map([
        [attributes.CKA_KEY_TYPE, Buffer.from([0, 0, 0, 0])],
        [attributes.CKA_MODULUS, bytes(n)],
        [attributes.CKA_PUBLIC_EXPONENT, bytes(e)],
      ]);
  }
}
