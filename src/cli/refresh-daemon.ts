/** `tidegate refresh --daemon`: the loop with the clock, the chance, the disk and the log of this process. */
import { randomInt } from 'node:crypto';
import { resolve } from 'node:path';
import type { KeyUnlocker } from '../signer/keys/key-context.ts';
import { pause } from '../storage/cancel.ts';
import { writeDurably } from '../storage/durable-file.ts';
import { nodeFileSystem } from '../storage/file-system.ts';
import { printableLine } from '../terminal.ts';
import { alarmCommand } from './alarm-command.ts';
import type { Surroundings } from './surroundings.ts';
import { openChosenWorkspace, type WorkspaceOptions } from './workspace-option.ts';

export interface DaemonCommandOptions extends WorkspaceOptions {
  readonly textfile?: string;
  readonly onAlarm?: string;
  readonly renewAfter?: number;
}

const chances = 2 ** 32;

/** Runs until the signal. @throws what opening the workspace throws, at the start */
export async function refreshDaemon(
  { textfile, renewAfter, onAlarm, ...options }: DaemonCommandOptions,
  unlock: KeyUnlocker,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal, now, directory } = surroundings;
  const [{ runRefreshDaemon }, { eventLine, eventJson }] = await Promise.all([
    import('../signer/daemon/refresh-daemon.ts'),
    import('../signer/daemon/daemon-event.ts'),
  ]);
  const tell =
    onAlarm === undefined
      ? undefined
      : alarmCommand(resolve(directory, onAlarm), (reason) => {
          terminal.note(printableLine(`warning: ${onAlarm}: ${reason}`));
        });
  await runRefreshDaemon(
    { unlock, signal, ...(renewAfter !== undefined && { timestampDueAfter: renewAfter }) },
    {
      open: () => openChosenWorkspace(options, surroundings),
      now,
      random: () => randomInt(chances) / chances,
      pause: pause,
      report: (event, time) => {
        terminal.note(printableLine(eventLine(event, time)));
        terminal.printJsonLine(eventJson(event, time));
        if (event.event === 'alarm' || event.event === 'cleared') tell?.(eventJson(event, time));
      },
      ...(textfile !== undefined && {
        keepMetrics: (text: string) => keepMetrics(resolve(directory, textfile), text),
      }),
    },
  );
}

/** Readable by the exporter, which runs as another user; whole at every moment. */
async function keepMetrics(path: string, text: string): Promise<void> {
  await writeDurably(nodeFileSystem, path, new TextEncoder().encode(text), { mode: 0o644 });
}
