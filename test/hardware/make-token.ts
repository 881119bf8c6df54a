/**
 * Makes a throw-away token for the tests beside this file: `node make-token.ts MODULE LABEL`, with the PIN in the
 * file that TIDEGATE_TOKEN_PIN_FILE names. Its keys are made inside it and can never leave it.
 */
import { readFileSync } from 'node:fs';
import pkcs11js from 'pkcs11js';

/** What is used beyond what signing needs. */
interface Administration {
  C_InitToken(slot: Buffer, pin: string, label: string): string;
  C_InitPIN(session: Buffer, pin: string): void;
  C_GenerateKeyPair(
    session: Buffer,
    mechanism: { readonly mechanism: number },
    publicTemplate: readonly Entry[],
    privateTemplate: readonly Entry[],
  ): unknown;
}

interface Entry {
  readonly type: number;
  readonly value: number | boolean | string | Buffer;
}

const [module = '', label = ''] = process.argv.slice(2);
const pin = readFileSync(process.env.TIDEGATE_TOKEN_PIN_FILE ?? '', 'utf8').trim();
const officerPin = `officer-${pin}`;
const officer = 0;
const user = 1;
const readWrite = 0x6;

const api = new pkcs11js.PKCS11();
const administration = api as unknown as Administration;
api.load(module);
api.C_Initialize({ flags: 2 });

const free = api.C_GetSlotList(true).at(-1);
if (free === undefined) throw new Error(`${module} shows no slot`);
administration.C_InitToken(free, officerPin, label.padEnd(32));
const slot = api.C_GetSlotList(true).find((each) => api.C_GetTokenInfo(each).label.trim() === label);
if (slot === undefined) throw new Error(`the token ${label} was not made`);
const session = api.C_OpenSession(slot, readWrite);
api.C_Login(session, officer, officerPin);
administration.C_InitPIN(session, pin);
api.C_Logout(session);
api.C_Login(session, user, pin);

/** CKA_ numbers. */
const common = { token: 0x1, private: 0x2, label: 0x3, id: 0x102, sign: 0x108, verify: 0x10a } as const;
const rsa = { modulusBits: 0x121, publicExponent: 0x122 } as const;
const ecParameters = 0x180;
const alwaysAuthenticate = 0x202;
const generate = { rsa: 0x0, elliptic: 0x1040, edwards: 0x1055 } as const;

function make(
  name: string,
  id: number,
  mechanism: number,
  shape: readonly Entry[],
  more: readonly Entry[] = [],
): void {
  const names: readonly Entry[] = [
    { type: common.token, value: true },
    { type: common.label, value: name },
    { type: common.id, value: Buffer.from([id]) },
  ];
  const secret: readonly Entry[] = [
    { type: common.private, value: true },
    { type: 0x103, value: true }, // CKA_SENSITIVE
    { type: 0x162, value: false }, // CKA_EXTRACTABLE
    { type: common.sign, value: true },
  ];
  administration.C_GenerateKeyPair(
    session,
    { mechanism },
    [...names, { type: common.verify, value: true }, ...shape],
    [...names, ...secret, ...more],
  );
}

const p256: Entry = { type: ecParameters, value: Buffer.from('06082a8648ce3d030107', 'hex') };
const p384: Entry = { type: ecParameters, value: Buffer.from('06052b81040022', 'hex') };
const ed25519: Entry = { type: ecParameters, value: Buffer.from('06032b6570', 'hex') };
make('elliptic', 1, generate.elliptic, [p256]);
make('rsa', 2, generate.rsa, [
  { type: rsa.modulusBits, value: 3072 },
  { type: rsa.publicExponent, value: Buffer.from([1, 0, 1]) },
]);
make('edwards', 3, generate.edwards, [ed25519]);
make('careful', 4, generate.elliptic, [p256], [{ type: alwaysAuthenticate, value: true }]);
make('p384', 5, generate.elliptic, [p384]);
make('twice', 6, generate.elliptic, [p256]);
make('twice', 7, generate.elliptic, [p256]);
api.C_Logout(session);
api.C_Finalize();
