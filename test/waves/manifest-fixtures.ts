/** Manifests as plain JSON, for tests that break one member. */

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonMembers = { [name: string]: Json };

export function updateJson(members: JsonMembers = {}): JsonMembers {
  return {
    variant: 'demo-k8s',
    arch: 'x86_64',
    version: '1.1.0',
    max_version: '1.1.0',
    waves: { '0': '2030-01-01T01:00:00Z', '20': '2030-01-01T04:00:00Z' },
    images: { boot: 'a-boot.ext4.lz4', root: 'a-root.ext4.lz4', hash: 'a-root.verity.lz4' },
    ...members,
  };
}

export function manifestJson(...updates: Json[]): JsonMembers {
  return { updates, migrations: { '(1.0.0, 1.1.0)': ['migrate_v1.1.0_example.lz4'] } };
}

export function bytesOf(value: Json | string): Uint8Array {
  return new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
}

export function textOfBytes(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
