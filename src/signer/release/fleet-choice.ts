/**
 * Which fleets of tidegate.toml a command means. VARIANT and ARCH are each a name, or names with commas between, and `*`
 * in a name stands for any characters: `'*'`, `aws-k8s,metal`, `'aws-*'`. Meant is every fleet of tidegate.toml that fits
 * both; a name that fits none is refused, so that a mistyped one is not passed over. Pure.
 */
import { TidegateError } from '../../errors.ts';
import type { FleetName } from '../../metadata/repository-layout.ts';

/** True when more than one fleet may be meant, whether it is or not. */
export function isChoice({ variant, arch }: FleetName): boolean {
  return /[*,]/.test(variant + arch);
}

/** True when it says "those that are there" rather than names. */
export function hasPattern({ variant, arch }: FleetName): boolean {
  return `${variant}${arch}`.includes('*');
}

/** @throws not-found naming what fits nothing */
export function chosenFleets(known: readonly FleetName[], asked: FleetName): readonly FleetName[] {
  const [variants, archs] = [asked.variant.split(','), asked.arch.split(',')];
  const fits = (names: readonly string[], text: string): boolean => names.some((name) => isFit(name, text));
  const chosen = known.filter(({ variant, arch }) => fits(variants, variant) && fits(archs, arch));
  const strange =
    variants.find((name) => !chosen.some(({ variant }) => isFit(name, variant))) ??
    archs.find((name) => !chosen.some(({ arch }) => isFit(name, arch)));
  if (strange === undefined) return chosen;
  const fleets = known.map(({ variant, arch }) => `${variant} ${arch}`).join(', ');
  const text = `${asked.variant} ${asked.arch}: ${JSON.stringify(strange)} fits no fleet of tidegate.toml; expected some of ${fleets}`;
  throw new TidegateError('not-found', text, { found: strange });
}

function isFit(name: string, text: string): boolean {
  const pattern = name.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${pattern}$`, 's').test(text);
}
