/** Keys of AWS as every other key; credentials come from the environment, as in a job. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { generatePrivateKey, type KeyType, keyTypes } from '../../../src/signer/keys/signing-key.ts';
import { awsRegion, startAwsEndpoint } from '../../support/aws-endpoint.ts';
import { awsVariables, setVariables } from '../../support/aws-environment.ts';
import { describeKeySource, type KeySourceScene } from '../../support/key-source-suite.ts';

const specs: Readonly<Partial<Record<KeyType, string>>> = {
  'ecdsa-p256': 'ECC_NIST_P256',
  'rsa-pss': 'RSA_3072',
};
const keys = new Map<KeyType, Promise<KeyObject>>();

/** One of each kind for all: RSA takes its time. */
function keyOf(type: KeyType): Promise<KeyObject> {
  const key = keys.get(type) ?? generatePrivateKey(type);
  keys.set(type, key);
  return key;
}

async function scene(
  options: Parameters<typeof startAwsEndpoint>[0],
  uri: string,
  privateKey: KeyObject,
): Promise<KeySourceScene> {
  const endpoint = await startAwsEndpoint(options);
  const restore = setVariables(awsVariables());
  const { d = '' } = privateKey.export({ format: 'jwk' });
  return {
    uri: `${uri}?region=${awsRegion}&endpoint=${endpoint.origin}`,
    publicKey: createPublicKey(privateKey),
    secrets: [d.slice(0, 40), Buffer.from(d, 'base64url').toString('hex').slice(0, 40)],
    end: async () => {
      restore();
      await endpoint.close();
    },
  };
}

describeKeySource('awskms:', {
  types: ['ecdsa-p256', 'rsa-pss'],
  begin: async (type) => {
    const privateKey = await keyOf(type);
    const known = new Map([['alias/release', { privateKey, spec: specs[type] ?? '' }]]);
    return await scene({ keys: known }, 'awskms:alias/release', privateKey);
  },
});

describeKeySource('awsssm: with PEM', {
  types: keyTypes,
  begin: async (type) => {
    const privateKey = await keyOf(type);
    const value = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    return await scene(
      { parameters: new Map([['/keys/release', { value }]]) },
      'awsssm:/keys/release',
      privateKey,
    );
  },
});
