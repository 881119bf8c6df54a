/** The environment in which the AWS SDK finds credentials, as people and jobs set it; nothing else is looked at. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { awsCredentials, awsRegion } from './aws-endpoint.ts';

/** Neither files of whoever runs the tests, nor the role of the machine. */
const closed: Readonly<Record<string, string>> = {
  AWS_CONFIG_FILE: '/nonexistent/config',
  AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
  AWS_EC2_METADATA_DISABLED: 'true',
};

export function awsVariables(): Readonly<Record<string, string>> {
  return {
    ...closed,
    AWS_ACCESS_KEY_ID: awsCredentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: awsCredentials.secretAccessKey,
  };
}

/** Region, endpoint and credentials by a profile of the shared files, which are written into the folder. */
export function awsProfile(folder: string, name: string, origin: string): Readonly<Record<string, string>> {
  const config = join(folder, 'aws-config');
  const credentials = join(folder, 'aws-credentials');
  writeFileSync(config, `[profile ${name}]\nregion = ${awsRegion}\nendpoint_url = ${origin}\n`);
  const lines = [
    `[${name}]`,
    `aws_access_key_id = ${awsCredentials.accessKeyId}`,
    `aws_secret_access_key = ${awsCredentials.secretAccessKey}`,
  ];
  writeFileSync(credentials, `${lines.join('\n')}\n`, { mode: 0o600 });
  return { ...closed, AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: credentials };
}

/** Sets variables of this process; the function that comes back restores them. */
export function setVariables(variables: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}
