/** What one host does when its turn has come: a real update, and what must be true afterwards. */
import { formatBytes } from '../../src/terminal.ts';
import type { Choice } from '../../src/waves/choose.ts';
import { imagePath } from './boot-loader.ts';
import { measure } from './compression.ts';
import type { Connection, DemoHost } from './host.ts';
import { dayOf } from './picture.ts';
import type { Story } from './story.ts';

export interface UpdateSetting {
  readonly story: Story;
  readonly now: () => number;
  /** When the release starts. */
  readonly start: number;
  /** The version that the fleet is to reach. */
  readonly version: string;
  readonly signal: AbortSignal;
  /** Called whenever the picture should change. */
  readonly changed: () => void;
}

/** Asks what to take, and remembers the answer. */
export async function check(host: DemoHost, { agent }: Connection, signal: AbortSignal): Promise<Choice> {
  const choice = await agent.check({ signal });
  host.choice = choice;
  return choice;
}

export async function update(host: DemoHost, connection: Connection, setting: UpdateSetting): Promise<void> {
  const { story, version, signal, changed } = setting;
  const beganAt = setting.now();
  const choice = await check(host, connection, signal);
  if (choice.kind !== 'update') {
    story.check(`${host.name} finds its update`, false, `none: ${choice.reason}`);
    return;
  }
  host.updatedAt = beganAt;
  host.status = 'updating';
  const { received, duration } = await install(host, connection, setting);
  if (host.part === 'failing') await host.damageInactiveSlot();
  host.status = 'restarting';
  changed();
  const boot = await host.boot();
  if (boot.failed.length > 0) return await fallBack(host, connection, setting, boot.failed.join(', '));
  await connection.agent.confirm({ signal });
  host.status = 'updated';
  changed();
  const text = `${tag(host, setting, beganAt)} ${formatBytes(received)} in ${(duration / 1000).toFixed(1)} s, boots ${boot.version} from slot ${boot.slot}, confirmed`;
  story.tell({ kind: 'host', host: host.name, text, time: beganAt, data: { ...boot, received, duration } });
  story.checkEqual(`${host.name} runs the new release`, host.version, version);
}

async function install(
  host: DemoHost,
  { agent }: Connection,
  { signal, changed }: UpdateSetting,
): Promise<{ readonly received: number; readonly duration: number }> {
  const start = performance.now();
  let received = 0;
  await agent.prepare({
    signal,
    progress: (progress) => {
      received = progress.received;
      host.progress = progress.total === 0 ? 0 : progress.received / progress.total;
      changed();
    },
  });
  await agent.activate({ signal });
  return { received, duration: performance.now() - start };
}

/** The new image did not come up: the old one runs again, and the host never tries that image again. */
async function fallBack(
  host: DemoHost,
  connection: Connection,
  setting: UpdateSetting,
  slot: string,
): Promise<void> {
  const { story, version, signal, changed } = setting;
  const again = await check(host, connection, signal);
  host.status = 'reverted';
  changed();
  const status = await connection.agent.status();
  const text = `${tag(host, setting, host.updatedAt ?? 0)} slot ${slot} does not come up; falls back to ${host.version} and will not try ${version} again`;
  const data = { failed_versions: status.failed_versions, choice: reasonOf(again) };
  story.tell({ kind: 'host', host: host.name, text, time: setting.now(), data });
  story.check(`${host.name} fell back to the old release`, host.version !== version, host.version);
  const failed = status.failed_versions.map((entry) => `${entry.version} ${entry.reason}`);
  story.checkEqual(`${host.name} reports why`, failed, [`${version} fell-back`]);
  const chosen = again.kind === 'update' ? again.release.version : reasonOf(again);
  story.check(`${host.name} does not try that image again`, chosen !== version, chosen);
}

export function reasonOf(choice: Choice): string {
  return choice.kind === 'none' ? choice.reason : 'update';
}

function tag(host: DemoHost, { start }: UpdateSetting, time: number): string {
  return `${dayOf(time - start).padEnd(13)} ${host.name} (seed ${String(host.seed).padStart(4)})`;
}

/** Holds the bytes of the slot that runs against those of the image, without asking the agent. */
export async function slotHolds(
  host: DemoHost,
  expected: { readonly sha256: string; readonly length: number },
) {
  const { active } = await host.slots.readFlags();
  const found = await measure(imagePath(host.slots, active));
  return found.sha256 === expected.sha256 && found.length === expected.length;
}
