/** `tidegate store probe`: what a store really promises. */
import { locationFrom } from '../../storage/address.ts';
import type { ProbeReport } from '../../storage/probe-store.ts';
import { formatTable, printableLine, type Terminal } from '../../terminal.ts';
import type { Define, Surroundings } from '../surroundings.ts';

/** So that a job can tell: the exit status of a store that lacks an ability. */
const unfitStatus = 78;

export const define: Define = (command, surroundings) => {
  command
    .command('probe')
    .description('Try what a store promises: conditions, races, parts, ranges, checksums.')
    .argument('<location>', 'a folder, or s3://BUCKET/PREFIX?region=…&endpoint=…&profile=…')
    .option('--json', 'print the result as JSON')
    .option('--dry-run', 'only say what would be written')
    .addHelpText(
      'after',
      `\nWrites small files below .probe/ in the store, and one of 5 MiB to a bucket, and removes them again.\nExit status: 0, or ${unfitStatus} when two could publish there at once and both be told that they won.\n\nExamples:\n  tidegate store probe s3://updates/fleet?region=eu-central-1\n  tidegate store probe 's3://test/?endpoint=http://127.0.0.1:9000&profile=local' --json\n  tidegate store probe ./repository\n`,
    )
    .action((location: string, options: ProbeOptions) => probeCommand(location, options, surroundings));
};

interface ProbeOptions {
  readonly dryRun?: true;
}

async function probeCommand(
  location: string,
  { dryRun }: ProbeOptions,
  { terminal, directory, signal, setExitStatus }: Surroundings,
): Promise<void> {
  const [{ openSwappableStore }, { probeStore }] = await Promise.all([
    import('../../storage/location.ts'),
    import('../../storage/probe-store.ts'),
  ]);
  const store = await openSwappableStore(locationFrom(directory, location));
  try {
    if (dryRun === true) {
      terminal.print(`would write and remove files below .probe/ in ${store.location}`);
      terminal.printJson({ location: store.location, writes: '.probe/' });
      return;
    }
    const report = await probeStore(store, { signal });
    print(report, terminal);
    if (!report.publishable) setExitStatus(unfitStatus);
  } finally {
    store.close?.();
  }
}

function print(report: ProbeReport, terminal: Terminal): void {
  const { location, server, publishable, rows, left } = report;
  terminal.print(printableLine(`${location}${server === undefined ? '' : ` (${server})`}`));
  const lines = formatTable(rows.map(({ promise, kept, found }) => [`  ${promise}`, kept, found])).split(
    '\n',
  );
  for (const [index, line] of lines.entries())
    terminal.print(terminal.style(rows[index]?.kept === 'yes' ? 'green' : 'yellow', printableLine(line)));
  terminal.print(
    publishable
      ? 'several can publish there at once'
      : 'several cannot publish there safely: tidegate publish refuses it',
  );
  for (const name of left) terminal.note(printableLine(`not removed: ${name}`));
  terminal.printJson(report);
}
