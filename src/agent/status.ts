/**
 * The agent's status as JSON, in the shape of Bottlerocket's thar-be-updates (underscored keys), so that tools for it
 * can read it. What that shape has no word for stands beside it: the members from `running_slot` on.
 */
import type { ReleaseId } from '../waves/release.ts';
import { isConfirmed, nextSlot, otherSlot, type SlotName } from './boot-flags.ts';
import type { InstallProgress } from './install.ts';
import { type AgentState, type Situation, stateOf } from './machine.ts';
import type { AgentMemory, CommandRecord, CommandType } from './memory.ts';

interface PartitionStatus {
  readonly image: ReleaseId;
  readonly next_to_boot: boolean;
}

export interface AgentStatus {
  readonly update_state: AgentState;
  readonly available_updates: readonly string[];
  readonly chosen_update: ReleaseId | null;
  readonly active_partition: PartitionStatus;
  /** What the inactive slot holds, complete; null while it is written or empty. */
  readonly staging_partition: PartitionStatus | null;
  readonly most_recent_command: {
    readonly cmd_type: CommandType;
    readonly cmd_status: CommandRecord['status'];
    readonly timestamp: string;
    readonly exit_status: number | null;
    readonly stderr: string | null;
  } | null;
  readonly running_slot: SlotName;
  /** The running system was confirmed: it boots again whatever happens to the other slot. */
  readonly confirmed: boolean;
  /** Why the last check chose nothing. */
  readonly no_update: { readonly reason: string; readonly version: string | null } | null;
  /** When the answer of the last check changes by itself. */
  readonly changes_at: string | null;
  readonly failed_versions: readonly {
    readonly version: string;
    readonly reason: 'fell-back' | 'reverted';
    readonly timestamp: string;
  }[];
  readonly last_failure: {
    readonly command: string;
    readonly code: string;
    readonly message: string;
    readonly timestamp: string;
  } | null;
  /** Of a `prepare` under way in this process; bytes. */
  readonly progress: InstallProgress | null;
}

export function statusOf(
  situation: Situation,
  memory: AgentMemory,
  progress: InstallProgress | undefined,
): AgentStatus {
  const { flags, running, held, offer } = situation;
  const next = nextSlot(flags);
  const { active } = flags;
  // Of another running system a check says nothing.
  const check = offer === undefined ? undefined : memory.check;
  return {
    update_state: stateOf(situation),
    available_updates: offer?.open ?? [],
    chosen_update: offer?.chosen === undefined ? null : idOf(offer.chosen),
    active_partition: { image: idOf(running), next_to_boot: next === active },
    staging_partition:
      held === undefined ? null : { image: idOf(held), next_to_boot: next === otherSlot(active) },
    most_recent_command: commandStatus(memory.command),
    running_slot: active,
    confirmed: isConfirmed(flags),
    no_update: check?.reason === undefined ? null : { reason: check.reason, version: check.version ?? null },
    changes_at: check?.changesAt === undefined ? null : timestamp(check.changesAt),
    failed_versions: memory.givenUp.map(({ release, reason, time }) => ({
      version: release.version,
      reason,
      timestamp: timestamp(time),
    })),
    last_failure: memory.failure === undefined ? null : failureStatus(memory.failure),
    progress: progress ?? null,
  };
}

function idOf({ arch, version, variant }: ReleaseId): ReleaseId {
  return { arch, version, variant };
}

function commandStatus(command: CommandRecord | undefined): AgentStatus['most_recent_command'] {
  if (command === undefined) return null;
  return {
    cmd_type: command.type,
    cmd_status: command.status,
    timestamp: timestamp(command.time),
    exit_status: command.exitStatus ?? null,
    stderr: command.message ?? null,
  };
}

function failureStatus({
  command,
  code,
  message,
  time,
}: NonNullable<AgentMemory['failure']>): AgentStatus['last_failure'] {
  return { command, code, message, timestamp: timestamp(time) };
}

/** RFC 3339 with milliseconds. */
function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
