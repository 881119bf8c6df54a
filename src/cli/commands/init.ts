/** `tidegate init`: a new workspace with keys and a signed first root. */
import { basename, dirname, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { TidegateError } from '../../errors.ts';
import { type TopLevelRole, topLevelRoles } from '../../metadata/role-name.ts';
import type { KeyType } from '../../signer/keys/signing-key.ts';
import type { LeftDraft } from '../../signer/workspace/draft-folder.ts';
import type { GivenKeys } from '../../signer/workspace/init.ts';
import type { Terminal } from '../../terminal.ts';
import { noteLeftDraft } from '../left-draft-text.ts';
import { addOverrideOptions, type OverrideOptions, overrideWish } from '../override-option.ts';
import { addPassphraseOptions, newPassphraseSource } from '../passphrase.ts';
import { collected } from '../repeated-option.ts';
import { addSignAtOnce, type SignAtOnceOptions, signAtOnce } from '../sign-at-once.ts';
import type { Define, Surroundings } from '../surroundings.ts';

interface InitOptions extends SignAtOnceOptions, OverrideOptions {
  readonly template: 'single' | 'bottlerocket';
  readonly name?: string;
  readonly store: string;
  readonly variant: readonly string[];
  readonly keyType: KeyType;
  readonly insecureDevelopmentKeys?: true;
  readonly rootKeys?: string;
  readonly rootThreshold?: string;
  readonly targetsKeys?: string;
  readonly targetsThreshold?: string;
  readonly snapshotKeys?: string;
  readonly snapshotThreshold?: string;
  readonly timestampKeys?: string;
  readonly timestampThreshold?: string;
  readonly dryRun?: true;
}

export const define: Define = (command, surroundings) => {
  command.argument('<directory>', 'a new or empty folder');
  addInitOptions(command).action((directory: string, options: InitOptions) =>
    init(directory, options, surroundings),
  );
};

function addInitOptions(command: Command): Command {
  command
    .addOption(
      new Option('--template <name>', 'one image for each release, or the three of Bottlerocket')
        .choices(['single', 'bottlerocket'])
        .default('single'),
    )
    .option('--name <name>', 'name of the repository, signed in every document (default: name of the folder)')
    .option(
      '--store <location>',
      'where to publish: a folder, relative to the workspace, or an address',
      'repository',
    )
    .option(
      '--variant <variant/arch>',
      'variant and architecture to publish for, may be repeated',
      collected,
      [],
    )
    .addOption(
      new Option('--key-type <type>', 'kind of the new keys')
        .choices(['ed25519', 'ecdsa-p256', 'rsa-pss'])
        .default('ed25519'),
    )
    .option(
      '--insecure-development-keys',
      'leave private keys unencrypted: for trying things out, never for a fleet',
    )
    .option('--dry-run', 'say what would be made; write nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  tidegate init acme --template single --variant demo/x86_64\n  tidegate init acme --root-keys alice.pub,bob.pub,carol.pub --root-threshold 2\n',
    );
  addGivenKeyOptions(command);
  return addOverrideOptions(addPassphraseOptions(addSignAtOnce(command)));
}

function addGivenKeyOptions(command: Command): void {
  for (const role of topLevelRoles) {
    command.option(
      `--${role}-keys <files>`,
      `public keys of ${role} that were made elsewhere, with commas between them`,
    );
    command.option(`--${role}-threshold <number>`, 'how many of them must sign');
  }
}

async function init(directory: string, options: InitOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, now } = surroundings;
  const path = resolve(surroundings.directory, directory);
  const variants = variantsOf(options.variant);
  const name = options.name ?? nameOf(path);
  const insecure = options.insecureDevelopmentKeys === true;
  const { checkInit, initWorkspace } = await import('../../signer/workspace/init.ts');
  const given = await givenKeys(options, surroundings);
  if (given.root === undefined && options.signWith !== undefined)
    throw new TidegateError(
      'usage',
      '--sign-with needs --root-keys: without them init signs the root itself',
    );
  const wanted = {
    given,
    template: options.template,
    name,
    store: options.store,
    keyType: options.keyType,
    now: now(),
    leftBehind: (draft: LeftDraft) => noteLeftDraft(draft, terminal),
    override: overrideWish(options, now()),
    ...(options.variant.length > 0 && { variants }),
  };
  if (options.dryRun === true) {
    const { fleets } = (await checkInit(path, wanted)).settings;
    terminal.print(
      `would make a workspace "${name}" in ${path}, publishing to ${options.store}; nothing was written`,
    );
    terminal.printJson({ dryRun: true, directory: path, name, store: options.store, fleets });
    return;
  }
  await initWorkspace(path, {
    ...wanted,
    ...(insecure
      ? { insecureDevelopmentKeys: true }
      : { passphrase: newPassphraseSource(options, surroundings) }),
  });
  if (insecure) terminal.note('warning: the private keys are not encrypted (--insecure-development-keys)');
  terminal.print(`workspace "${name}" is ready in ${path}`);
  if (given.root !== undefined)
    await signAtOnce([`${path}/requests/root-1.request.json`], options, surroundings);
  report({ directory: path, name, store: options.store }, given.root !== undefined, terminal);
}

/** @throws usage when the name of the folder can be none of a repository: tidegate.toml, which says so too, is not there yet */
function nameOf(path: string): string {
  const name = basename(path);
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name)) return name;
  const text = `${JSON.stringify(name)} can be no name of a repository; give one of letters, digits, ".", "_", "/" and "-": --name NAME`;
  throw new TidegateError('usage', text);
}

function report(
  result: { readonly directory: string; readonly name: string; readonly store: string },
  hasRequest: boolean,
  terminal: Terminal,
): void {
  const { directory } = result;
  if (hasRequest) {
    const request = `${directory}/requests/root-1.request.json`;
    terminal.print(`  first root  ${request} (each key holder signs a copy)`);
    terminal.print(`next, for each of them: tidegate sign ${request} --key KEYFILE`);
    terminal.print('then: tidegate publish, with the copies that come back');
    terminal.printJson({ ...result, request });
    return;
  }
  const root = `${directory}/roots/1.root.json`;
  terminal.print(
    `  keys        ${directory}/keys (move the private halves of root-1, root-2 and root-3 to safe places)`,
  );
  terminal.print(`  first root  ${root} (put it into your images: it is what hosts trust)`);
  terminal.print('next: tidegate release add --help');
  terminal.printJson({ ...result, root });
}

/** Keys that were made elsewhere, from their `.pub` files. */
async function givenKeys(
  options: InitOptions,
  { directory }: Surroundings,
): Promise<Partial<Record<TopLevelRole, GivenKeys>>> {
  const [{ readPublicKey }, { nodeFileSystem }] = await Promise.all([
    import('../../signer/keys/key-ring.ts'),
    import('../../storage/file-system.ts'),
  ]);
  const given: Partial<Record<TopLevelRole, GivenKeys>> = {};
  for (const role of topLevelRoles) {
    const threshold = thresholdOf(role, options[`${role}Threshold`]);
    const files = options[`${role}Keys`]?.split(',').map((file) => resolve(directory, file));
    if (files === undefined && threshold !== undefined) {
      throw new TidegateError('usage', `--${role}-threshold needs --${role}-keys`);
    }
    const keys = [];
    for (const file of files ?? []) {
      if (!file.endsWith('.pub'))
        throw new TidegateError('usage', `--${role}-keys ${file}: expected NAME.pub`);
      keys.push(await readPublicKey(nodeFileSystem, dirname(file), basename(file, '.pub')));
    }
    if (files !== undefined) given[role] = { keys, ...(threshold !== undefined && { threshold }) };
  }
  return given;
}

function thresholdOf(role: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new TidegateError('usage', `--${role}-threshold ${text}: expected a number from 1 on`);
}

function variantsOf(pairs: readonly string[]): Record<string, string[]> {
  const variants: Record<string, string[]> = {};
  for (const pair of pairs) {
    const [variant, arch, ...rest] = pair.split('/');
    if (variant === undefined || variant === '' || arch === undefined || arch === '' || rest.length > 0) {
      throw new TidegateError(
        'usage',
        `--variant ${pair}: expected a variant and an architecture, such as demo/x86_64`,
      );
    }
    variants[variant] = [...(Object.hasOwn(variants, variant) ? (variants[variant] ?? []) : []), arch];
  }
  return variants;
}
