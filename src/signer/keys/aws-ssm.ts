/**
 * Keys in AWS Systems Manager's parameters: a SecureString whose text is a private key, a key file of ours or PEM as
 * tuftool and pubsys keep it. The key comes to this machine for the time of signing; a key of KMS does not, and is
 * the better choice.
 *
 * A parameter of another type is refused: its text is stored and shown unencrypted.
 */
import { TidegateError } from '../../errors.ts';
import type { AwsSsmAddress } from './aws-address.ts';
import { type AwsDevices, askAws, awsClientOptions, awsPlaceName } from './aws-service.ts';
import type { KeyContext } from './key-context.ts';
import { openKeyMaterial } from './key-material.ts';
import type { SigningKey } from './signing-key.ts';

/**
 * @throws key-file-invalid, passphrase-wrong, key-unusable, key-not-found, key-service-denied,
 *   key-service-unavailable, key-uri-invalid, cancelled
 */
export async function openAwsSsm(
  address: AwsSsmAddress,
  context: KeyContext,
  devices: AwsDevices = {},
): Promise<SigningKey> {
  const { SSMClient, GetParameterCommand } = await import('@aws-sdk/client-ssm');
  const where = awsPlaceName(`awsssm:${address.parameter}`, address, context);
  const client = new SSMClient(awsClientOptions(address, devices));
  const input = { Name: address.parameter, WithDecryption: true };
  const { Parameter } = await askAws(
    { where, action: 'ssm:GetParameter', signal: context.signal },
    (options) => client.send(new GetParameterCommand(input), options),
    devices,
  );
  const { Type: type = 'unknown', Value: text = '' } = Parameter ?? {};
  if (type !== 'SecureString') {
    const found = `${where}: the parameter is of type ${type}, which is not encrypted; expected SecureString`;
    throw new TidegateError('key-unusable', `${found}. Assume that others have read this key`, {
      key: where,
    });
  }
  // The SDK gives text, which cannot be wiped; what is made of it can.
  const bytes = Buffer.from(text);
  try {
    return await openKeyMaterial(bytes, where, context);
  } finally {
    bytes.fill(0);
  }
}
