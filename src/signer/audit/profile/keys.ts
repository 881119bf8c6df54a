/** Keys, their ids, the roles that name them, and the form of the signatures that they make. */
import { canonicalBytes } from '../../../metadata/canonical.ts';
import { signatureBytes } from '../../../metadata/crypto.ts';
import type { JsonObject, JsonValue } from '../../../metadata/json.ts';
import { keyIdOf } from '../../../metadata/keys.ts';
import { hasOddSalt } from '../../keys/pss-salt.ts';
import { shown } from './documents.ts';
import {
  below,
  each,
  everyPeer,
  finding,
  itemsOf,
  membersOf,
  type ProfileFinding,
  type Spot,
  type Stumbles,
  textOf,
} from './finding.ts';

/** @param used ids that a role of the same document names */
export function* keyFindings(
  keys: JsonObject,
  used: ReadonlySet<string>,
  spot: Spot,
): Generator<ProfileFinding, void> {
  for (const [id, value] of keys) {
    const at = below(spot, id);
    const key = membersOf(value);
    yield* kindFindings(key, used.has(id), at);
    const hash = keyIdOf(key);
    if (id.toLowerCase() !== hash)
      yield finding('key-id', at, `an id that is not the hash of its key, ${hash}`, {
        tough: 'refuses every id but the hash of the whole key object',
      });
    else if (id !== hash) yield finding('key-id', at, 'in upper case', {});
    const extra = [...key.keys()].filter((member) => !keyMembers.has(member));
    if (extra.length > 0) yield finding('key-members', at, `with ${extra.join(', ')}`, {});
  }
}

const keyMembers: ReadonlySet<string> = new Set(['keytype', 'scheme', 'keyval']);
const isPem = (text: string): boolean => text.trim().startsWith('-----BEGIN PUBLIC KEY-----');
const hexPoint = /^04[0-9a-fA-F]{128}$/;

function* kindFindings(key: JsonObject, used: boolean, spot: Spot): Generator<ProfileFinding, void> {
  const keytype = textOf(key.get('keytype'));
  const scheme = textOf(key.get('scheme'));
  const stumbles = kindStumbles(keytype, scheme, used);
  if (Object.keys(stumbles).length > 0)
    yield finding('key-kind', spot, `keytype ${keytype} with scheme ${scheme}`, stumbles);
  yield* encodingFindings(keytype, textOf(membersOf(key.get('keyval')).get('public')), spot);
}

const cannotParse = 'cannot read the whole file';

/** Who cannot use keys of a kind, used by a role or only listed. */
function kindStumbles(keytype: string, scheme: string, used: boolean): Stumbles {
  const go: Stumbles = used ? { 'go-tuf': 'lets the whole role fail' } : {};
  switch (`${keytype} ${scheme}`) {
    case 'ed25519 ed25519':
    case 'ecdsa-sha2-nistp256 ecdsa-sha2-nistp256':
    case 'rsa rsassa-pss-sha256':
      return {};
    case 'ecdsa ecdsa-sha2-nistp256':
      return { tough: 'from 0.12.1 up to 0.17.0 cannot read keytype ecdsa' };
    case 'ecdsa ecdsa-sha2-nistp384':
      return { tough: cannotParse };
    case 'ecdsa-sha2-nistp384 ecdsa-sha2-nistp384':
    case 'rsa rsassa-pss-sha384':
    case 'rsa rsassa-pss-sha512':
      return { ...go, tough: cannotParse };
    case 'ecdsa ecdsa-sha2-nistp521':
    case 'rsa rsa-pkcs1v15-sha256':
    case 'rsa rsa-pkcs1v15-sha512':
      return { 'tuf-js': 'cannot verify with it', ...go, tough: cannotParse };
    default:
      return { 'python-tuf': cannotParse, ...go, tough: cannotParse };
  }
}

function* encodingFindings(keytype: string, text: string, spot: Spot): Generator<ProfileFinding, void> {
  const at = below(below(spot, 'keyval'), 'public');
  if (keytype === 'ed25519') {
    if (/^[0-9a-f]{64}$/i.test(text)) return;
    const stumbles = isPem(text)
      ? each(['python-tuf', 'go-tuf', 'tough'], 'reads ed25519 keys in hexadecimal alone')
      : everyPeer('cannot use the key');
    yield finding('key-encoding', at, isPem(text) ? 'PEM' : shown(text), stumbles);
  } else if (keytype.startsWith('ecdsa') && hexPoint.test(text))
    yield finding(
      'key-encoding',
      at,
      'a point in hexadecimal',
      each(['python-tuf', 'go-tuf'], 'reads PEM alone'),
    );
  else if (/^(?:ecdsa|rsa)/.test(keytype) && !isPem(text))
    yield finding('key-encoding', at, shown(text), everyPeer('cannot use the key'));
}

/** Key ids of a role, in root or in a delegation. */
export function* roleKeyFindings(
  role: JsonObject,
  keys: JsonObject,
  spot: Spot,
): Generator<ProfileFinding, void> {
  const ids = itemsOf(role.get('keyids')).map(textOf);
  const at = below(spot, 'keyids');
  if (new Set(ids).size < ids.length)
    yield finding('role-keys', at, 'a list with one id twice', each(['tuf-js', 'python-tuf'], 'refuses it'));
  const without = ids.find((id) => !keys.has(id));
  if (without !== undefined)
    yield finding('role-keys', at, `with ${without}, which has no key`, {
      'go-tuf': 'lets the whole role fail',
    });
}

export interface LintedSignatures {
  readonly signatures: JsonValue | undefined;
  /** What they cover. */
  readonly signed: JsonObject;
  /** Every key of the repository, by id. */
  readonly keys: JsonObject;
}

export function* signatureFindings(
  { signatures, signed, keys }: LintedSignatures,
  file: string,
): Generator<ProfileFinding, void> {
  const seen = new Set<string>();
  for (const [index, item] of itemsOf(signatures).entries()) {
    const spot = below({ file, path: 'signatures' }, index);
    const entry = membersOf(item);
    const id = textOf(entry.get('keyid'));
    if (seen.has(id))
      yield finding(
        'signature-once',
        spot,
        `a second one by ${id}`,
        each(['tuf-js', 'python-tuf', 'go-tuf'], 'refuses the file'),
      );
    seen.add(id);
    yield* formFindings(textOf(entry.get('sig')), membersOf(keys.get(id)), signed, below(spot, 'sig'));
  }
}

function* formFindings(
  hex: string,
  key: JsonObject,
  signed: JsonObject,
  spot: Spot,
): Generator<ProfileFinding, void> {
  const bytes = signatureBytes(hex);
  if (bytes === undefined) {
    const stumbles = hex === '' ? {} : everyPeer('cannot read it');
    yield finding('signature-form', spot, hex === '' ? 'empty' : 'not hexadecimal', stumbles);
    return;
  }
  if (hex !== hex.toLowerCase()) yield finding('signature-form', spot, 'in upper case', {});
  const keytype = textOf(key.get('keytype'));
  const pem = textOf(membersOf(key.get('keyval')).get('public'));
  if (keytype.startsWith('ecdsa') && !isDerSequence(bytes))
    yield finding('signature-form', spot, 'an ECDSA signature that is not DER', everyPeer('finds it wrong'));
  if (textOf(key.get('scheme')) === 'rsassa-pss-sha256' && hasOddSalt(pem, canonicalBytes(signed), bytes))
    yield finding('pss-salt', spot, 'made with another salt length', { tough: 'takes 32 bytes alone' });
}

/** Signatures on the curves in use are shorter than 128 bytes, or 256 for the largest. */
function isDerSequence(bytes: Uint8Array): boolean {
  const [tag, length = 0, long = 0] = bytes;
  return tag === 0x30 && (length === bytes.length - 2 || (length === 0x81 && long === bytes.length - 3));
}
