/**
 * What a pure folder may use of the language and the platform: an allow-list, so that a new way to reach the
 * clock, the network or the environment is refused until somebody has thought about it.
 */
import type { GlobalUse, SourceFacts } from './source-facts.ts';

const allowedGlobals: ReadonlySet<string> = new Set([
  ...['Array', 'ArrayBuffer', 'BigInt', 'Boolean', 'DataView', 'Date', 'Infinity', 'JSON', 'Map', 'Math'],
  ...['NaN', 'Number', 'Object', 'RegExp', 'Set', 'String', 'Symbol', 'Uint8Array', 'Uint16Array'],
  ...['Float64Array'],
  ...['Uint32Array', 'WeakMap', 'WeakSet', 'undefined', 'decodeURIComponent', 'encodeURIComponent'],
  ...['Error', 'RangeError', 'SyntaxError', 'TypeError', 'TextDecoder', 'TextEncoder'],
]);

/** Members that depend on the locale or the time zone of the machine. */
const impureMembers =
  /^(localeCompare|toLocale\w+|toDateString|toTimeString|getTimezoneOffset|[gs]et(FullYear|Month|Date|Day|Hours|Minutes|Seconds|Milliseconds))$/;

/** @param exceptions `path name` of a global that one file may use all the same */
export function checkPurity(source: SourceFacts, exceptions: readonly string[]): readonly string[] {
  const globals = source.globals
    .filter((use) => !exceptions.includes(`${source.path} ${use.name}`))
    .flatMap((use) => impurity(use) ?? []);
  const members = source.members
    .filter(({ name }) => impureMembers.test(name))
    .map(({ name, line }) => `${line} uses .${name}`);
  return [...globals, ...members].map((violation) => `${source.path}:${violation}`);
}

function impurity({ name, member, argumentCount, isTypeTest, line }: GlobalUse): string | undefined {
  if (!allowedGlobals.has(name)) return `${line} uses ${name}`;
  const use = member === undefined ? name : `${name}.${member}`;
  if (use === 'Date.now' || use === 'Math.random') return `${line} uses ${use}`;
  // As plain values they could be handed to a place that this rule does not see.
  if (use === 'Math') return `${line} hands Math on`;
  // Without an argument it is the present moment, with several it is the time zone of the machine.
  if (use === 'Date' && argumentCount !== 1 && !isTypeTest) return `${line} uses Date as a clock`;
  return undefined;
}
