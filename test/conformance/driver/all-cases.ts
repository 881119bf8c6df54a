/** Every case, in the order in which the table lists the groups. */
import type { ConformanceCase } from './case.ts';
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

export const allCases: readonly ConformanceCase[] = [...conformanceCases];
