/**
 * The one catalogue of errors: every code with its kind and meaning. `docs/errors.md` lists the same codes, and
 * `test/errors.test.ts` holds the two equal. The error itself is in errors.ts.
 */

/** What kind of trouble it is. Each kind has an exit status that scripts can tell apart. */
export const exitStatusOf = {
  usage: 64,
  parse: 65,
  limit: 66,
  network: 69,
  internal: 70,
  disk: 74,
  lock: 75,
  policy: 77,
  config: 78,
  signature: 80,
  rollback: 81,
  expired: 82,
  length: 83,
  hash: 84,
  identity: 85,
  clock: 86,
  conflict: 87,
  key: 88,
  state: 89,
  disagreement: 90,
  cancelled: 130,
} as const;

export type ErrorClass = keyof typeof exitStatusOf;

/** The status with which a server answers, where an error of this kind meets an HTTP request. */
export const httpStatusOf: Readonly<Record<ErrorClass, number>> = {
  usage: 400,
  parse: 502,
  limit: 502,
  network: 502,
  internal: 500,
  disk: 500,
  lock: 423,
  policy: 502,
  config: 500,
  signature: 502,
  rollback: 502,
  expired: 502,
  length: 502,
  hash: 502,
  identity: 502,
  clock: 500,
  conflict: 409,
  key: 500,
  state: 409,
  disagreement: 502,
  cancelled: 503,
};

export interface Entry {
  readonly class: ErrorClass;
  /** Where it differs from that of the class. */
  readonly http?: number;
  readonly meaning: string;
}

export const errorCatalogue = {
  // Input of people
  usage: { class: 'usage', meaning: 'A command, option or argument is not what the command takes.' },
  'config-invalid': {
    class: 'config',
    meaning: 'A configuration or policy file has a wrong or missing entry.',
  },
  'node-unsupported': {
    class: 'config',
    meaning: 'This Node.js cannot run Tidegate, and no package with a suitable one is installed.',
  },
  cancelled: { class: 'cancelled', meaning: 'The work was cancelled; nothing was changed.' },
  internal: { class: 'internal', meaning: 'A defect in Tidegate itself; please report it.' },

  // Documents
  'json-invalid': {
    class: 'parse',
    meaning: 'The bytes are not strict JSON (UTF-8, no duplicate members, integers only).',
  },
  'not-metadata': {
    class: 'parse',
    meaning: 'The answer is not TUF metadata at all, for instance the page of a captive portal.',
  },
  'document-invalid': {
    class: 'parse',
    meaning: 'A member of a signed document is missing, of the wrong type or out of range.',
  },
  'type-mismatch': { class: 'parse', meaning: 'A document of another role stands in the place of this one.' },
  'spec-version-unsupported': {
    class: 'parse',
    meaning: 'The document follows a TUF specification with another major version.',
  },
  'manifest-invalid': { class: 'parse', meaning: 'The manifest of releases is malformed.' },
  'wave-policy-invalid': { class: 'config', meaning: 'A wave policy has a wrong entry.' },
  'target-path-invalid': {
    class: 'parse',
    http: 400,
    meaning: 'A target path could leave its folder, or cannot be stored everywhere.',
  },
  'role-name-invalid': { class: 'parse', http: 400, meaning: 'A role name cannot be used as a file name.' },

  // Limits
  'length-limit': { class: 'limit', meaning: 'More bytes than the limit for this file.' },
  'count-limit': { class: 'limit', meaning: 'More entries, nesting or digits than the limit allows.' },
  'root-limit': {
    class: 'limit',
    meaning: 'More new root versions than one refresh may walk; run it again to go on.',
  },
  'delegation-limit': { class: 'limit', meaning: 'More delegated roles than one search may visit.' },

  // Trust
  'threshold-not-met': {
    class: 'signature',
    meaning: 'Too few valid signatures by distinct keys of the role.',
  },
  'duplicate-signature': { class: 'signature', meaning: 'Two signatures carry the same key id.' },
  rollback: {
    class: 'rollback',
    meaning: 'A version is lower than one already seen, or a listed file vanished.',
  },
  'version-mismatch': {
    class: 'rollback',
    meaning: 'A version is not exactly the one that its parent names.',
  },
  expired: { class: 'expired', meaning: 'Metadata has expired: nobody vouches that it is still current.' },
  'length-mismatch': { class: 'length', meaning: 'The number of bytes is not the signed one.' },
  'hash-mismatch': { class: 'hash', meaning: 'The bytes do not have the signed hash.' },
  'identity-mismatch': { class: 'identity', meaning: 'A document belongs to another repository.' },
  'role-not-in-snapshot': {
    class: 'policy',
    meaning: 'A role that a search needs is not listed in the snapshot.',
  },
  'consistent-snapshot-required': {
    class: 'policy',
    meaning: 'The root does not declare consistent snapshots, which hosts require.',
  },
  'delegations-not-allowed': {
    class: 'policy',
    meaning: 'The targets role delegates, and this client is set to refuse that.',
  },
  'target-not-found': { class: 'policy', http: 404, meaning: 'No trusted role lists this target.' },
  'verifiers-disagree': {
    class: 'disagreement',
    meaning: 'The second verifier came to another result than the first; nothing is installed.',
  },

  // Waves and releases
  'manifest-image-missing': {
    class: 'policy',
    meaning: 'The manifest names an image that no trusted role lists.',
  },
  'migration-missing': {
    class: 'policy',
    meaning: 'No chain of migrations leads from the running version to the new one.',
  },

  // Transport
  'not-found': { class: 'network', http: 404, meaning: 'The file does not exist at this location.' },
  'network-unreachable': {
    class: 'network',
    meaning: 'The host could not be reached or the connection broke.',
  },
  'http-status': {
    class: 'network',
    meaning: 'The server answered with a status that is neither the file nor its absence.',
  },
  'too-slow': {
    class: 'network',
    http: 504,
    meaning: 'The transfer stalled or fell below the minimum rate.',
  },
  'redirect-refused': { class: 'network', meaning: 'A redirect leads to a place that is not allowed.' },
  'encoding-refused': {
    class: 'network',
    meaning: 'The server transformed the bytes (Content-Encoding), which was not asked for.',
  },
  'access-denied': {
    class: 'config',
    meaning: 'The store refuses these credentials, they have expired, or a permission is missing.',
  },

  // Stores and disks
  'store-unsupported': {
    class: 'config',
    meaning: 'The location is of a kind, or lacks an ability, that this work needs.',
  },
  'store-conflict': { class: 'conflict', meaning: 'Somebody else changed the file meanwhile.' },
  'name-taken': {
    class: 'conflict',
    meaning: 'Other bytes are already stored under this name; names are never reused.',
  },
  'disk-full': { class: 'disk', http: 507, meaning: 'There is not enough space.' },
  'disk-error': { class: 'disk', meaning: 'The operating system refused a file operation.' },
  'not-a-plain-file': {
    class: 'disk',
    http: 403,
    meaning: 'A link, folder or device stands where a plain file is expected.',
  },
  'state-damaged': {
    class: 'disk',
    meaning: 'A file of the state directory is damaged and cannot be ignored safely.',
  },
  locked: { class: 'lock', meaning: 'Another process is working on the same state.' },
  'clock-behind': {
    class: 'clock',
    meaning: 'The clock reads a time before one that is known to have passed.',
  },
  'clock-skewed': {
    class: 'clock',
    meaning: "This machine's clock and the store's are further apart than requests may be.",
  },

  // Signer
  'workspace-invalid': {
    class: 'config',
    meaning: 'The folder is not a workspace, or its files contradict each other.',
  },
  'workspace-exists': { class: 'conflict', meaning: 'The folder already holds a workspace.' },
  'key-uri-invalid': {
    class: 'usage',
    meaning: 'The address of a private key is of no known form, or holds what it must not.',
  },
  'key-file-invalid': { class: 'key', meaning: 'A key file is damaged, altered or of an unknown format.' },
  'key-file-permissions': { class: 'key', meaning: 'A private key could be read by others.' },
  'passphrase-wrong': { class: 'key', meaning: 'The passphrase does not open the key file.' },
  'key-unusable': { class: 'key', meaning: 'A key cannot be used for this role or scheme.' },
  'key-not-found': { class: 'key', meaning: 'No such private key exists at its service or token.' },
  'key-library-missing': {
    class: 'config',
    meaning: 'A library that keys on tokens need is not installed, or cannot be loaded.',
  },
  'key-service-denied': {
    class: 'key',
    meaning: 'The key service or token refused the credentials, or this use of the key.',
  },
  'key-service-unavailable': {
    class: 'network',
    meaning: 'The key service or token could not be reached, failed, or did not answer in time.',
  },
  'signatures-missing': {
    class: 'signature',
    http: 500,
    meaning: 'Not enough keys are at hand to reach a threshold.',
  },
  'request-invalid': {
    class: 'signature',
    http: 500,
    meaning: 'A signing request is damaged or altered, or its parts do not belong together.',
  },
  'plan-invalid': { class: 'parse', http: 400, meaning: 'A plan file is damaged or altered.' },
  'policy-violated': {
    class: 'policy',
    meaning: 'A plan breaks a rule of the workspace that nobody has accepted to break.',
  },
  'base-moved': { class: 'conflict', meaning: 'Somebody published since the plan was made; plan again.' },
  'release-invalid': {
    class: 'usage',
    meaning: 'A release lacks something, or contradicts what is already published.',
  },

  // Agent
  'state-not-allowed': { class: 'state', meaning: 'The agent cannot do this in its present state.' },
  'slot-invalid': { class: 'state', http: 500, meaning: 'A slot is not what the agent may write to.' },
  'image-invalid': { class: 'parse', meaning: 'An image cannot be decompressed into its slot.' },
  'read-back-mismatch': {
    class: 'hash',
    http: 500,
    meaning: 'What was read back from the slot is not what was written.',
  },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof errorCatalogue;
