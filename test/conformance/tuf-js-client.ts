#!/usr/bin/env node
/**
 * Unmodified tuf-js behind the command line of the conformance suite: the peer that the driver itself is
 * checked with. Only the reference time is set from outside, because tuf-js has no hook for a clock.
 */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { Updater } from 'tuf-js';
import { type Command, type ConformanceMain, parseCommand, processSurroundings } from './protocol.ts';

export const main: ConformanceMain = async (argv, surroundings) => {
  try {
    await perform(parseCommand(argv), new Date(surroundings.now()));
    return 0;
  } catch (error) {
    surroundings.note(String(error));
    return 1;
  }
};

async function perform(command: Command, now: Date): Promise<void> {
  if (command.kind === 'init') {
    copyFileSync(command.trustedRootFile, join(command.metadataDirectory, 'root.json'));
    return;
  }
  const updater = new Updater({
    metadataDir: command.metadataDirectory,
    metadataBaseUrl: command.metadataUrl,
    ...(command.kind === 'download' && {
      targetDir: command.targetDirectory,
      targetBaseUrl: command.targetBaseUrl,
    }),
  });
  Reflect.set(Reflect.get(updater, 'trustedSet') as object, 'referenceTime', now);
  await updater.refresh();
  if (command.kind === 'refresh') return;
  for (const name of command.targetNames) {
    const target = await updater.getTargetInfo(name);
    if (target === undefined) throw new Error(`target ${name} not found`);
    if ((await updater.findCachedTarget(target)) === undefined) await updater.downloadTarget(target);
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2), processSurroundings());
