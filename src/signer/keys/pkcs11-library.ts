/**
 * The libraries of tokens' makers, as they live in this process.
 *
 * 1. A process is one application to a library: it is initialised once and finalised at the end of the process, and
 *    one login on a token counts for all of its keys. So all of this is kept by the path of the library.
 * 2. pkcs11js, which calls these libraries, is an optional peer dependency: it is compiled when it is installed, and
 *    most people sign without a token.
 */
import type { Handle, PKCS11 } from 'pkcs11js';
import { TidegateError } from '../../errors.ts';
import { CKF_OS_LOCKING_OK, results } from './pkcs11-constants.ts';
import { resultOf, tokenFault } from './pkcs11-fault.ts';
import { Turns } from './turns.ts';

export interface TokenLibrary {
  readonly path: string;
  readonly api: PKCS11;
  /** CK_PARAMS_RSA_PSS of pkcs11js. */
  readonly pssParameters: number;
  /** Opening keys: choosing a token, asking for its PIN and logging in are one step. */
  readonly turns: Turns;
  /** The session that keeps the login, by slot. */
  readonly sessions: Map<string, Handle>;
}

const libraries = new Map<string, Promise<TokenLibrary>>();

/** @throws key-library-missing when pkcs11js or the library cannot be loaded */
export function loadTokenLibrary(path: string): Promise<TokenLibrary> {
  const known = libraries.get(path);
  if (known !== undefined) return known;
  const loading = load(path);
  libraries.set(path, loading);
  loading.catch(() => libraries.delete(path));
  return loading;
}

async function load(path: string): Promise<TokenLibrary> {
  const { PKCS11: Api, CK_PARAMS_RSA_PSS: pssParameters } = await importPkcs11js();
  const api = new Api();
  try {
    api.load(path);
  } catch {
    const text = `${path} cannot be loaded; expected the PKCS#11 library of the token's maker, such as /usr/lib/softhsm/libsofthsm2.so`;
    throw new TidegateError('key-library-missing', text, { path });
  }
  const isOurs = initialise(api, path);
  const sessions = new Map<string, Handle>();
  process.once('exit', () => close(api, sessions, isOurs));
  return { path, api, pssParameters, turns: new Turns(), sessions };
}

/** False when somebody else in this process did it before, and will end it. */
function initialise(api: PKCS11, path: string): boolean {
  try {
    api.C_Initialize({ flags: CKF_OS_LOCKING_OK });
    return true;
  } catch (error) {
    if (resultOf(error) === results.CKR_CRYPTOKI_ALREADY_INITIALIZED) return false;
    api.close();
    throw tokenFault(error, path, 'C_Initialize');
  }
}

/** Nothing that fails here can be mended, and the process ends. */
function close(api: PKCS11, sessions: ReadonlyMap<string, Handle>, isOurs: boolean): void {
  for (const session of sessions.values()) {
    quietly(() => api.C_Logout(session));
    quietly(() => api.C_CloseSession(session));
  }
  if (isOurs) quietly(() => api.C_Finalize());
}

export function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // Said at the call.
  }
}

async function importPkcs11js(): Promise<typeof import('pkcs11js')['default']> {
  try {
    return (await import('pkcs11js')).default;
  } catch (cause) {
    const isAbsent = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND';
    const text = isAbsent
      ? 'keys on tokens need the package pkcs11js, which is not installed. Type: npm install pkcs11js@2 (beside tidegate; it is compiled, with python3 and a C++ compiler)'
      : 'the package pkcs11js is installed and cannot be loaded; it was probably not compiled. Type: npm rebuild pkcs11js';
    throw new TidegateError('key-library-missing', text, { package: 'pkcs11js' }, { cause });
  }
}
