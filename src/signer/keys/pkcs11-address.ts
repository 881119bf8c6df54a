/**
 * `pkcs11:` URIs (RFC 7512), as far as a private key is found by them. The PIN never stands in one: `pin-value` is
 * refused, `pin-source` names a file.
 */
import { type Fail, parseParameters, textParameter } from './key-parameters.ts';

export interface Pkcs11Address {
  readonly scheme: 'pkcs11';
  /** The library of the token's maker. */
  readonly modulePath: string;
  /** Label, maker, serial number and model of the token; what is stated must fit, and exactly one token may. */
  readonly token?: string;
  readonly manufacturer?: string;
  readonly serial?: string;
  readonly model?: string;
  readonly slotId?: number;
  /** CKA_LABEL and CKA_ID of the key; at least one of them is stated. */
  readonly object?: string;
  readonly id?: Uint8Array;
  /** A file whose first line is the PIN; default: the PIN is asked for. */
  readonly pinSource?: string;
}

const pathNames = ['token', 'manufacturer', 'serial', 'model', 'slot-id', 'object', 'id', 'type'] as const;
const queryNames = ['module-path', 'pin-source'] as const;

export function parsePkcs11(text: string, fail: Fail): Pkcs11Address {
  const end = text.indexOf('?');
  const query = end < 0 ? '' : text.slice(end + 1);
  // Before anything else, so that no message repeats it.
  if (/(?:^|[;&?])pin-value(?:=|[;&?]|$)/i.test(text))
    throw fail('a PIN in an address can be read by everybody; leave pin-value out, it is asked for');
  const path = parseParameters(end < 0 ? text : text.slice(0, end), ';', pathNames, fail);
  const options = parseParameters(query, '&', queryNames, fail);
  const modulePath = textParameter(options, 'module-path', fail);
  if (modulePath === undefined) throw fail("found no module-path, the library of the token's maker");
  const type = textParameter(path, 'type', fail);
  if (type !== undefined && type !== 'private') throw fail('a type other than private cannot sign');
  const id = path.get('id');
  const object = textParameter(path, 'object', fail);
  if (id === undefined && object === undefined) throw fail('found neither object nor id, which name the key');
  const slotId = slotIdOf(textParameter(path, 'slot-id', fail), fail);
  const pinSource = pinSourceOf(textParameter(options, 'pin-source', fail), fail);
  const texts = (['token', 'manufacturer', 'serial', 'model'] as const).flatMap((name) => {
    const value = textParameter(path, name, fail);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    scheme: 'pkcs11',
    modulePath,
    ...Object.fromEntries(texts),
    ...(slotId !== undefined && { slotId }),
    ...(object !== undefined && { object }),
    ...(id !== undefined && { id }),
    ...(pinSource !== undefined && { pinSource }),
  };
}

function slotIdOf(text: string | undefined, fail: Fail): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw fail('slot-id is no number');
}

/** RFC 7512 leaves it open; we take a path, or the same as a `file:` URI, and run no programs. */
function pinSourceOf(text: string | undefined, fail: Fail): string | undefined {
  if (text === undefined) return undefined;
  if (text.startsWith('|')) throw fail('a pin-source that is a program is not run; name a file');
  const path = text.startsWith('file:') ? text.slice('file:'.length) : text;
  if (/^\/\/(?!\/)/.test(path) || path === '') throw fail('pin-source is no local file');
  return path;
}
