/** `tidegate/signer`: making, planning, publishing and keeping fresh a repository. An export list for outsiders. */

export { type ErrorClass, type ErrorCode, isTidegateError, TidegateError } from '../errors.ts';
export { type AddOptions, type AddProgress, addRelease, type ReleaseOptions } from './add-release.ts';
export { type Draft, type DraftImage, readDrafts, removeDraft } from './draft.ts';
export type { Naming } from './image-names.ts';
export { type InitOptions, initWorkspace } from './init.ts';
export type { KeyUnlocker, LockedKey } from './key-ring.ts';
export type { PlannedRole, PlannedTarget, PublishedRole, RepositoryPlan } from './plan.ts';
export {
  type Plan,
  type PlannedChange,
  type PlannedSignature,
  type PlannedUpload,
  type PlanOptions,
  planPublication,
} from './plan-publication.ts';
export { type PublishOptions, type PublishResult, publish } from './publish.ts';
export type { RepositoryResult } from './publish-repository.ts';
export { type RefreshOptions, type RefreshResult, refreshRepositories } from './refresh.ts';
export type { KeyType } from './signing-key.ts';
export { type RepositoryStatus, type RoleStatus, statusOf } from './status.ts';
export type { UploadProgress } from './upload.ts';
export {
  type OpenOptions,
  openWorkspace,
  type RepositoryPlace,
  repositoriesOf,
  type Workspace,
} from './workspace.ts';
