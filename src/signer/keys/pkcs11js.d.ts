/** What is used of pkcs11js 2, an optional peer dependency that need not be installed to build. */
declare module 'pkcs11js' {
  export type Handle = Buffer;

  export interface TokenInfo {
    readonly label: string;
    readonly manufacturerID: string;
    readonly model: string;
    readonly serialNumber: string;
    readonly flags: number;
  }

  export interface Attribute {
    readonly type: number;
    readonly value?: number | boolean | string | Buffer;
  }

  export interface Mechanism {
    readonly mechanism: number;
    readonly parameter?: {
      readonly type: number;
      readonly hashAlg: number;
      readonly mgf: number;
      readonly saltLen: number;
    };
  }

  /** Methods throw errors whose `code` is the CKR_ number and whose message is its name. */
  export class PKCS11 {
    load(path: string): void;
    close(): void;
    C_Initialize(options: { readonly flags: number }): void;
    C_Finalize(): void;
    C_GetSlotList(tokenPresent: boolean): Handle[];
    C_GetTokenInfo(slot: Handle): TokenInfo;
    C_GetMechanismList(slot: Handle): number[];
    C_OpenSession(slot: Handle, flags: number): Handle;
    C_CloseSession(session: Handle): void;
    C_Login(session: Handle, userType: number, pin?: string): void;
    C_Logout(session: Handle): void;
    C_FindObjectsInit(session: Handle, template: Attribute[]): void;
    C_FindObjects(session: Handle, maxObjectCount: number): Handle[];
    C_FindObjectsFinal(session: Handle): void;
    C_GetAttributeValue(session: Handle, object: Handle, template: Attribute[]): { value: Buffer }[];
    C_SignInit(session: Handle, mechanism: Mechanism, key: Handle): void;
    C_SignAsync(session: Handle, inData: Buffer, outData: Buffer): Promise<Buffer>;
  }

  const pkcs11js: { readonly PKCS11: typeof PKCS11; readonly CK_PARAMS_RSA_PSS: number };
  export default pkcs11js;
}
