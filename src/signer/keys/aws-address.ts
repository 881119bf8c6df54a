/** Addresses of keys in AWS: which key, in which region, by which profile. Credentials come from where the SDK looks. */
import { printable } from '../../metadata/printable.ts';
import { type Fail, parseParameters, textParameter } from './key-parameters.ts';

export interface AwsPlace {
  /** Of the parameters, else of the ARN; default: what the SDK finds. */
  readonly region?: string;
  /** A named profile of the SDK's configuration files. */
  readonly profile?: string;
  /** Another endpoint than the region's own, such as one inside a private network. */
  readonly endpoint?: string;
}

export interface AwsKmsAddress extends AwsPlace {
  readonly scheme: 'awskms';
  /** A key id, `alias/NAME`, or the ARN of either. */
  readonly keyId: string;
}

export interface AwsSsmAddress extends AwsPlace {
  readonly scheme: 'awsssm';
  /** The name of a parameter. */
  readonly parameter: string;
}

const parameterNames = ['region', 'profile', 'endpoint'] as const;
const arn = /^arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:(?:key|alias)\/[A-Za-z0-9/_-]{1,256}$/;
const keyIdOrAlias = /^(?:[A-Za-z0-9-]{1,256}|alias\/[A-Za-z0-9/_-]{1,250})$/;
const parameterName = /^\/?[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*$/;
const maxParameterName = 1011;

export function parseAwsKms(text: string, fail: Fail): AwsKmsAddress {
  const { name, place } = split(text, fail);
  const region = arn.exec(name)?.[1];
  if (region === undefined && !keyIdOrAlias.test(name))
    throw fail(`found ${JSON.stringify(printable(name))}, neither key id nor alias nor ARN`);
  if (region !== undefined && place.region !== undefined && place.region !== region)
    throw fail(`region ${place.region} is not that of the ARN, ${region}`);
  return { scheme: 'awskms', keyId: name, ...place, ...(region !== undefined && { region }) };
}

export function parseAwsSsm(text: string, fail: Fail): AwsSsmAddress {
  const { name, place } = split(text, fail);
  if (!parameterName.test(name) || name.length > maxParameterName)
    throw fail(`found ${JSON.stringify(printable(name))}, no name of a parameter`);
  return { scheme: 'awsssm', parameter: name, ...place };
}

function split(text: string, fail: Fail): { readonly name: string; readonly place: AwsPlace } {
  const end = text.indexOf('?');
  const values = parseParameters(end < 0 ? '' : text.slice(end + 1), '&', parameterNames, fail);
  const region = textParameter(values, 'region', fail);
  if (region !== undefined && !/^[a-z]{2}[a-z0-9-]{1,30}$/.test(region))
    throw fail(`region ${JSON.stringify(printable(region))} is none, such as eu-central-1`);
  const profile = textParameter(values, 'profile', fail);
  const endpoint = textParameter(values, 'endpoint', fail);
  return {
    name: end < 0 ? text : text.slice(0, end),
    place: {
      ...(region !== undefined && { region }),
      ...(profile !== undefined && { profile }),
      ...(endpoint !== undefined && { endpoint: checkedEndpoint(endpoint, fail) }),
    },
  };
}

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Signed requests travel by TLS; without it only to this machine, where tests and tunnels end. */
function checkedEndpoint(text: string, fail: Fail): string {
  const url = URL.parse(text);
  if (url === null) throw fail('the endpoint is no URL');
  if (url.username !== '' || url.password !== '') throw fail('an endpoint must hold no user and no password');
  if (url.search !== '' || url.hash !== '') throw fail('an endpoint has neither query nor fragment');
  const safe = url.protocol === 'https:' || (url.protocol === 'http:' && loopback.test(url.hostname));
  if (!safe) throw fail('the endpoint is neither https nor http on this machine');
  return text;
}
