/**
 * What an attacker between host and repository can try without the keys, one after another, on one host. For each: the
 * refusal has the right name, the lie was really told, and nothing on the host's disk that counts has changed.
 */
import { type ErrorCode, isTidegateError } from '../../src/errors.ts';
import { metadataName, type RepositoryFolders } from '../../src/metadata/repository-layout.ts';
import { day } from './clock.ts';
import { filledUp } from './filling.ts';
import { fingerprint } from './fingerprint.ts';
import type { DemoHost } from './host.ts';
import { type Behaviour, type HostileProxy, honest, type Lie } from './hostile-proxy.ts';
import type { Story } from './story.ts';

export interface Attack {
  /** What people call it. */
  readonly name: string;
  readonly how: string;
  /** What the host is asked to do meanwhile. */
  readonly during: 'check' | 'prepare';
  readonly expected: ErrorCode;
  readonly behaviour: Behaviour;
  /** Milliseconds by which the host's clock has gone on. */
  readonly aheadBy?: number;
  /** An attack by silence: nothing that is said is a lie. */
  readonly silent?: boolean;
}

export interface AttackMaterial {
  readonly folders: RepositoryFolders;
  readonly oldTimestamp: Uint8Array;
  readonly strangerTimestamp: Uint8Array;
  /** The published bytes of another image. */
  readonly otherImage: Uint8Array;
}

export interface Refusal {
  readonly name: string;
  readonly how: string;
  readonly expected: ErrorCode;
  readonly code: string;
  readonly message: string;
  readonly unchanged: boolean;
}

/** In the place of a code, where there was no refusal. */
const accepted = 'accepted';
const notTried = 'not-tried';

/** Images first: they need a host that has checked and found an update. */
export function attacksOn(material: AttackMaterial): readonly Attack[] {
  return [...imageAttacks(material), ...metadataAttacks(material)];
}

function imageAttacks({ folders, otherImage }: AttackMaterial): readonly Attack[] {
  const onImage =
    (lie: (bytes: Uint8Array, path: string) => Lie): Behaviour =>
    async (path, truth) =>
      path.startsWith(`${folders.targets}/`) && !path.endsWith('.json')
        ? lie(await truth(), path)
        : undefined;
  return [
    {
      name: 'altered image',
      how: 'one bit of its last byte is another',
      during: 'prepare',
      expected: 'hash-mismatch',
      behaviour: onImage((bytes) => exactly(withFlippedBit(bytes))),
    },
    {
      name: 'swapped image',
      how: 'another genuine image under this name, filled up to the same length',
      during: 'prepare',
      expected: 'hash-mismatch',
      behaviour: onImage((bytes, path) => exactly(filledUp(otherImage, bytes.byteLength, path))),
    },
    {
      name: 'shortened image',
      how: 'the last kilobyte is missing',
      during: 'prepare',
      expected: 'length-mismatch',
      behaviour: onImage((bytes) => exactly(bytes.subarray(0, -1024))),
    },
    {
      name: 'endless image',
      how: 'the image never ends',
      during: 'prepare',
      expected: 'length-mismatch',
      behaviour: onImage((bytes) => ({ body: endless(bytes) })),
    },
  ];
}

function metadataAttacks(material: AttackMaterial): readonly Attack[] {
  const { folders, oldTimestamp, strangerTimestamp } = material;
  const onTimestamp =
    (lie: () => Lie): Behaviour =>
    async (path) =>
      path === metadataName(folders, 'timestamp') ? lie() : undefined;
  const page = '<!doctype html><title>Welcome</title>Please accept the terms of this network.';
  return [
    {
      name: 'rolled-back timestamp',
      how: 'the genuine, signed timestamp from before the update',
      during: 'check',
      expected: 'rollback',
      behaviour: onTimestamp(() => exactly(oldTimestamp)),
    },
    {
      name: 'frozen repository',
      how: 'nothing new for 30 days',
      during: 'check',
      expected: 'expired',
      behaviour: honest,
      aheadBy: 30 * day,
      silent: true,
    },
    {
      name: "a stranger's signature",
      how: 'a well-formed repository of the same name, signed with other keys',
      during: 'check',
      expected: 'threshold-not-met',
      behaviour: onTimestamp(() => exactly(strangerTimestamp)),
    },
    {
      name: 'endless metadata',
      how: 'a timestamp that never ends',
      during: 'check',
      expected: 'length-limit',
      behaviour: onTimestamp(() => ({ body: endless(oldTimestamp) })),
    },
    {
      name: 'captive portal',
      how: 'a web page instead of the timestamp',
      during: 'check',
      expected: 'not-metadata',
      behaviour: onTimestamp(() => exactly(Buffer.from(page), { 'content-type': 'text/html' })),
    },
    {
      name: 'redirection',
      how: 'the host is sent to another server',
      during: 'check',
      expected: 'redirect-refused',
      behaviour: onTimestamp(() => ({
        ...exactly(new Uint8Array(), { location: 'http://127.0.0.1:9/timestamp.json' }),
        status: 302,
      })),
    },
  ];
}

export interface AttackRun {
  readonly host: DemoHost;
  readonly proxy: HostileProxy;
  readonly signal: AbortSignal;
  /** Told of each attack when it is over. */
  readonly over: (refusal: Refusal) => void;
}

/** Tries one attack after another on a host that has just checked in good order. */
export async function tryAttacks(
  attacks: readonly Attack[],
  { host, proxy, signal, over }: AttackRun,
): Promise<readonly Refusal[]> {
  const refusals: Refusal[] = [];
  let before = await fingerprint(host.directory);
  for (const attack of attacks) {
    const found = await tryAttack(attack, host, proxy, signal);
    const after = await fingerprint(host.directory);
    const { name, how, expected } = attack;
    const refusal = { name, how, expected, ...found, unchanged: after === before };
    refusals.push(refusal);
    over(refusal);
    before = after;
  }
  return refusals;
}

async function tryAttack(
  attack: Attack,
  host: DemoHost,
  proxy: HostileProxy,
  signal: AbortSignal,
): Promise<Pick<Refusal, 'code' | 'message'>> {
  const lies = proxy.lies;
  proxy.behaviour = attack.behaviour;
  const { client, agent } = host.connect(proxy.url, attack.aheadBy);
  let found: { readonly code: string; readonly message: string };
  try {
    await agent[attack.during]({ signal });
    found = { code: accepted, message: 'the host took it' };
  } catch (error) {
    if (!isTidegateError(error) || error.code === 'cancelled') throw error;
    found = { code: error.code, message: error.message };
  } finally {
    proxy.behaviour = honest;
    await client.close();
  }
  if (proxy.lies === lies && attack.silent !== true)
    return { code: notTried, message: 'the host never asked for what was to be a lie' };
  return found;
}

export function tellRefusal(story: Story, host: DemoHost, refusal: Refusal, time: number): void {
  const { name, how, expected, code, unchanged } = refusal;
  const outcome = code === accepted || code === notTried ? refusal.message : `refused [${code}]`;
  const text = `${name}: ${how} → ${outcome}${unchanged ? ', nothing changed' : ''}`;
  story.tell({ kind: 'attack', text, host: host.name, time, data: { ...refusal } });
  story.checkEqual(`attack "${name}" is refused by name`, code, expected);
  story.check(`attack "${name}" changes nothing on the host`, unchanged, unchanged ? 'same' : 'changed');
}

function exactly(bytes: Uint8Array, headers?: Lie['headers']): Lie {
  return { body: [bytes], length: bytes.byteLength, ...(headers && { headers }) };
}

/** At the end, which no decompression sees before the hash is known: elsewhere it might stumble over the bit first. */
function withFlippedBit(bytes: Uint8Array): Uint8Array {
  const altered = Uint8Array.from(bytes);
  altered[altered.byteLength - 1] = (altered.at(-1) ?? 0) ^ 1;
  return altered;
}

/** The bytes, and then more of them for as long as the other side takes them. */
async function* endless(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  for (;;) yield bytes;
}
