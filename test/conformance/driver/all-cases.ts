/** Every case, in the order in which the table lists the groups. */
import { type ConformanceCase, numbered } from './case.ts';
import { basic } from './cases/basic.ts';
import { delegationGraphs } from './cases/delegation-graphs.ts';
import { expiration } from './cases/expiration.ts';
import { fileDownload } from './cases/file-download.ts';
import { keyRotation } from './cases/key-rotation.ts';
import { keys } from './cases/keys.ts';
import { quoting } from './cases/quoting.ts';
import { rollback } from './cases/rollback.ts';
import { simulator } from './cases/simulator.ts';
import { staticRepositories } from './cases/static-repositories.ts';
import { consistentSnapshots } from './probes/consistent-snapshots.ts';
import { hashBins } from './probes/hash-bins.ts';
import { hostileDocuments } from './probes/hostile-documents.ts';
import { localState } from './probes/local-state.ts';
import { pathPatterns } from './probes/path-patterns.ts';
import { roleNames } from './probes/role-names.ts';
import { targetNames } from './probes/target-names.ts';

/** As many and of the same kinds as the public suite has. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...basic,
  ...expiration,
  ...fileDownload,
  ...keys,
  ...quoting,
  ...rollback,
  ...delegationGraphs,
  ...keyRotation,
  ...staticRepositories,
  ...simulator,
];

/** What the public suite does not ask. */
export const probes: readonly ConformanceCase[] = numbered('probe', [
  ...consistentSnapshots,
  ...roleNames,
  ...targetNames,
  ...pathPatterns,
  ...hashBins,
  ...hostileDocuments,
  ...localState,
]);

export const allCases: readonly ConformanceCase[] = [...conformanceCases, ...probes];
