/** Numbers of PKCS#11 3.1 that are used here, under the names of the standard. */

/** Flags of a token, CK_TOKEN_INFO. */
export const tokenFlags = {
  CKF_LOGIN_REQUIRED: 0x4,
  CKF_PROTECTED_AUTHENTICATION_PATH: 0x100,
  CKF_USER_PIN_COUNT_LOW: 0x1_0000,
  CKF_USER_PIN_FINAL_TRY: 0x2_0000,
  CKF_USER_PIN_LOCKED: 0x4_0000,
} as const;

export const CKF_OS_LOCKING_OK = 0x2;
export const CKF_SERIAL_SESSION = 0x4;
export const CKU_USER = 1;
export const CKU_CONTEXT_SPECIFIC = 2;

export const objectClasses = { CKO_CERTIFICATE: 1, CKO_PUBLIC_KEY: 2, CKO_PRIVATE_KEY: 3 } as const;

export const keyKinds = { CKK_RSA: 0, CKK_EC: 3, CKK_EC_EDWARDS: 0x40 } as const;

export const attributes = {
  CKA_CLASS: 0x0,
  CKA_LABEL: 0x3,
  CKA_VALUE: 0x11,
  CKA_KEY_TYPE: 0x100,
  CKA_ID: 0x102,
  CKA_SIGN: 0x108,
  CKA_MODULUS: 0x120,
  CKA_PUBLIC_EXPONENT: 0x122,
  CKA_PUBLIC_KEY_INFO: 0x129,
  CKA_EC_PARAMS: 0x180,
  CKA_EC_POINT: 0x181,
  CKA_ALWAYS_AUTHENTICATE: 0x202,
} as const;

export const mechanisms = {
  CKM_RSA_PKCS_PSS: 0xd,
  CKM_SHA256_RSA_PKCS_PSS: 0x43,
  CKM_SHA256: 0x250,
  CKM_ECDSA: 0x1041,
  CKM_EDDSA: 0x1057,
} as const;

export const CKG_MGF1_SHA256 = 2;

export const results = {
  CKR_DEVICE_ERROR: 0x30,
  CKR_DEVICE_REMOVED: 0x32,
  CKR_FUNCTION_CANCELED: 0x50,
  CKR_PIN_INCORRECT: 0xa0,
  CKR_PIN_INVALID: 0xa1,
  CKR_PIN_LEN_RANGE: 0xa2,
  CKR_PIN_EXPIRED: 0xa3,
  CKR_PIN_LOCKED: 0xa4,
  CKR_SESSION_CLOSED: 0xb0,
  CKR_SESSION_HANDLE_INVALID: 0xb3,
  CKR_TOKEN_NOT_PRESENT: 0xe0,
  CKR_USER_ALREADY_LOGGED_IN: 0x100,
  CKR_USER_NOT_LOGGED_IN: 0x101,
  CKR_CRYPTOKI_ALREADY_INITIALIZED: 0x191,
} as const;
