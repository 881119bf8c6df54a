/**
 * What users of the seed project look up in AWS Systems Manager: `PREFIX/VARIANT/ARCH/latest/image_version` and
 * `image_id`, and the same below the version. Our image id is the SHA-256 of the image that hosts boot from (root, or the
 * only one); where each image is stands in `image/KIND/…`. `status` is ours: `available`, or `withdrawn` for a version
 * that was taken back, whose other parameters stay; `none` below `latest` while nothing is offered. `latest` is written last,
 * its version and then its status last of all.
 */
import { TidegateError } from '../../errors.ts';
import type { AwsPlace } from '../keys/aws-address.ts';
import { type AwsDevices, askAws, awsClientOptions, awsPlaceName } from '../keys/aws-service.ts';
import type { FleetReleases, LatestRelease } from './latest-release.ts';

export interface Parameter {
  readonly name: string;
  readonly value: string;
}

/** Limits of the service. */
const maxName = 1011;
const maxValue = 4096;

export interface ParametersRequest extends FleetReleases {
  readonly variant: string;
  readonly arch: string;
  /** Whether the newest one was asked for. */
  readonly latest: boolean;
}

/** @throws usage for a prefix that cannot be */
export function parametersOf(
  { found, withdrawn, variant, arch, latest }: ParametersRequest,
  prefix: string,
): readonly Parameter[] {
  if (!/^(\/[A-Za-z0-9_.-]+)+$/.test(prefix) || /^\/(aws|ssm)/i.test(prefix)) {
    const expected = 'a path such as /example/os, not below /aws or /ssm, which belong to the service';
    throw new TidegateError('usage', `--write-ssm: found ${JSON.stringify(prefix)}, expected ${expected}`);
  }
  const below = (folder: string, members: readonly Member[]): readonly Parameter[] =>
    members.map(([name, value]) => ({ name: `${prefix}/${variant}/${arch}/${folder}/${name}`, value }));
  const members = found === undefined ? [['status', 'none'] as const] : membersOf(found);
  const parameters = [
    ...(latest ? withdrawn : []).flatMap((version) => below(folderOf(version), [['status', 'withdrawn']])),
    ...(found === undefined ? [] : below(folderOf(found.version), members)),
    ...(latest ? below('latest', members) : []),
  ];
  const wrong = parameters.find(
    ({ name, value }) => !/^[A-Za-z0-9_./-]+$/.test(name) || name.length > maxName || value.length > maxValue,
  );
  if (wrong === undefined) return parameters;
  throw new TidegateError('usage', `--write-ssm: ${wrong.name}: no name or value that the service takes`);
}

function folderOf(version: string): string {
  return version.replaceAll('+', '_');
}

type Member = readonly [name: string, value: string];

function membersOf({ version, images }: LatestRelease): readonly Member[] {
  const main = images.find(({ kind }) => kind === 'root') ?? images[0];
  return [
    ...images.flatMap(({ kind, name, url, length, sha256 }): readonly Member[] => [
      [`image/${kind}/name`, name],
      [`image/${kind}/url`, url],
      [`image/${kind}/length`, String(length)],
      [`image/${kind}/sha256`, sha256],
    ]),
    ['image_id', main?.sha256 ?? ''],
    ['image_version', version],
    ['status', 'available'],
  ];
}

/** @throws key-service-denied, key-service-unavailable, cancelled, naming the parameter; those before it are written */
export async function writeParameters(
  parameters: readonly Parameter[],
  place: AwsPlace,
  { signal, devices = {} }: { readonly signal?: AbortSignal; readonly devices?: AwsDevices } = {},
): Promise<void> {
  const { SSMClient, PutParameterCommand } = await import('@aws-sdk/client-ssm');
  const client = new SSMClient(awsClientOptions(place, devices));
  for (const { name, value } of parameters) {
    const input = { Name: name, Value: value, Type: 'String', Overwrite: true } as const;
    await askAws(
      { where: awsPlaceName(`parameter ${name}`, place, {}), action: 'ssm:PutParameter', signal },
      (options) => client.send(new PutParameterCommand(input), options),
      devices,
    );
  }
}
