/** `tidegate/signer`: making, planning, publishing and keeping fresh a repository. An export list for outsiders. */

export { type ErrorClass, type ErrorCode, isTidegateError, TidegateError } from '../errors.ts';
export {
  type AdoptionPlan,
  type AdoptionResult,
  type AdoptOptions,
  adopt,
  planAdoption,
} from './adopt/adopt.ts';
export type { Finding, FindingLevel, FindingStep } from './adopt/finding.ts';
export { type AuditPlace, findPlaces, type PlaceRequest, placeIn } from './audit/places.ts';
export type { Problem } from './audit/problems.ts';
export type { ProfileFinding, ProfileRule, Stumbles } from './audit/profile/finding.ts';
export { type LintedFile, type LintOptions, lintFiles, type Profile } from './audit/profile.ts';
export type { AuditedRole, AuditReport } from './audit/report.ts';
export { type AuditOptions, auditRepository } from './audit/repository-audit.ts';
export type { Sample } from './audit/sample.ts';
export { type AcceptedRoots, type AcceptOptions, acceptRoots } from './ceremony/accept-roots.ts';
export {
  type MatchedRequests,
  type MatchOptions,
  matchRequests,
  type SignedRoles,
} from './ceremony/match-requests.ts';
export { type MergedRequest, mergeRequests } from './ceremony/merge-requests.ts';
export { makeSigningRequest, type NewRequest } from './ceremony/new-request.ts';
export { type ProposedRoot, type ProposeOptions, proposeRoot } from './ceremony/propose-root.ts';
export {
  type ProposedTargets,
  type ProposeTargetsOptions,
  proposeTargets,
} from './ceremony/propose-targets.ts';
export { type CollectedRequest, collectRequests, writeRequest } from './ceremony/request-folder.ts';
export { formatSigningRequest, parseSigningRequest } from './ceremony/request-format.ts';
export { progressOf, type SideProgress, signedFile } from './ceremony/request-signatures.ts';
export { signRequest } from './ceremony/sign-request.ts';
export type { SigningRequest } from './ceremony/signing-request.ts';
export { type TakenRequests, type TakeOptions, takeRequests } from './ceremony/take-requests.ts';
export { checkTrustedRoot } from './ceremony/trusted-root.ts';
export { type ExamineOptions, examine } from './doctor/examine.ts';
export type { CheckName, Finding as DoctorFinding, FindingLevel as DoctorLevel } from './doctor/finding.ts';
export { type Collection, type CollectOptions, collectGarbage } from './gc/collect-garbage.ts';
export { defaultGrace, type GraceSettings } from './gc/grace.ts';
export { fingerprintWords } from './keys/fingerprint.ts';
export type { KeyContext, KeyUnlocker, LockedKey } from './keys/key-context.ts';
export { type KeySource, type KeySourceScheme, keySourceSchemes, parseKeyUri } from './keys/key-source.ts';
export { type KeyType, type SigningKey, signatureOf } from './keys/signing-key.ts';
export { type ApprovedOptions, planAsApproved } from './publication/approved-plan.ts';
export type { VerifyHow } from './publication/listed-files.ts';
export type { RepositoryPlan } from './publication/plan.ts';
export { formatPlanFile, type PlanFile, parsePlanFile } from './publication/plan-file.ts';
export {
  type Plan,
  type PlannedSignature,
  type PlannedUpload,
  type PlanOptions,
  planPublication,
} from './publication/plan-publication.ts';
export type { PlannedChange } from './publication/planned-change.ts';
export type { Violation, ViolationName } from './publication/publication-policy.ts';
export { type PublishOptions, type PublishResult, publish } from './publication/publish.ts';
export type { RepositoryResult } from './publication/publish-repository.ts';
export type { RegionState } from './publication/region.ts';
export { type ResumedRepository, type ResumeOptions, resumePublications } from './publication/resume.ts';
export type { PlannedRole, PublishedRole, SignedRole } from './publication/role-plan.ts';
export type { PlannedTarget } from './publication/targets-plan.ts';
export type { UploadProgress } from './publication/upload.ts';
export { type RefreshOptions, type RefreshResult, refreshRepositories } from './refresh.ts';
export { type AddOptions, type AddProgress, addRelease, type ReleaseOptions } from './release/add-release.ts';
export {
  addTarget,
  type RemoveTargetOptions,
  removeTarget,
  type TargetOptions,
  type TargetRun,
} from './release/add-target.ts';
export { type Draft, type DraftImage, readDrafts, removeDraft } from './release/draft.ts';
export type { Naming } from './release/image-names.ts';
export { type FleetStanding, type ReleaseStatus, releaseStatusOf } from './release/release-status.ts';
export type { RequestStatus } from './request-status.ts';
export type { Alarm, AlarmKind } from './review/alarm.ts';
export { type Review, type ReviewOptions, reviewOf } from './review/request-review.ts';
export { reviewLines } from './review/review-words.ts';
export type { RoleStatus } from './role-status.ts';
export {
  type RepositoryStatus,
  type StatusOptions,
  statusOf,
  type WorkspaceStatus,
  workspaceStatusOf,
} from './status.ts';
export type { OverrideWish } from './workspace/accept-weaknesses.ts';
export { addDelegation, type NewDelegation, removeDelegation } from './workspace/edit-delegations.ts';
export { type InitOptions, initWorkspace } from './workspace/init.ts';
export {
  type OpenOptions,
  openWorkspace,
  type RepositoryPlace,
  repositoriesOf,
  type Workspace,
} from './workspace/workspace.ts';
