/**
 * What is known to fail with other clients, by the name of the case: the driver itself is checked with it, since
 * a case that a client of good name fails without being listed here is more likely wrong than the client.
 *
 * - tuf-js 6.0.2 looks roles up in plain objects, reads other file names than it writes, has the patterns of
 *   minimatch, counts key ids, and parses in quadratic time before it checks a signature.
 * - python-tuf 7.0.1 counts key ids too, and reads one more scheme of RSA, which no specification forbids.
 */
export const knownFailures: Readonly<Record<'tuf-js' | 'python-tuf', readonly string[]>> = {
  'tuf-js': [
    'probe/1 a root without consistent_snapshot means false',
    'probe/6 role constructor is a role like any other',
    'probe/7 role toString is a role like any other',
    'probe/8 role __proto__ is a role like any other',
    'probe/9 the local copy of role a b is used',
    'probe/10 the local copy of role é is used',
    'probe/11 the local copy of role %41 is used',
    'probe/12 role 10 before role 2 stays before it',
    'probe/13 a target called a#b is downloaded',
    'probe/15 a target called n… (300 characters) is downloaded',
    'probe/26 pattern * matches .hidden',
    'probe/27 pattern folder/* matches folder/.hidden',
    'probe/28 pattern !a does not match b',
    'probe/29 pattern +(a|b) does not match a',
    'probe/30 pattern {a,b} does not match a',
    'probe/39 one key under two ids counts once',
    'probe/40 a signed target without any hash is refused',
    'probe/41 an unsigned snapshot of 8,000 entries is refused quickly',
    'probe/49 a half-written root.json heals',
  ],
  'python-tuf': [
    'probe/13 a target called a#b is downloaded',
    'probe/15 a target called n… (300 characters) is downloaded',
    'probe/39 one key under two ids counts once',
    'probe/43 a key of scheme rsa-pkcs1v15-sha256 does not count',
    'probe/49 a half-written root.json heals',
  ],
};

export function isPeer(name: string): name is keyof typeof knownFailures {
  return Object.hasOwn(knownFailures, name);
}
