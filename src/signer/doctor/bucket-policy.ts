/**
 * What a policy of a bucket or of an identity says of a request, as AWS evaluates one: an explicit denial wins, then an
 * explicit permission; without either nothing is said. Of a bucket's policy only what it says of everybody counts: a
 * statement about some principals neither protects from the others nor opens the bucket to the world. Pure.
 *
 * Known are `Action` and `Resource` with `*` and `?`, and of conditions `Null`, `Bool`, `StringEquals`, `StringNotEquals`,
 * `StringLike` and `StringNotLike`. Whatever else stands in a statement is an error and no guess.
 */
import { TidegateError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../metadata/json.ts';

export interface PolicyRequest {
  /** Such as `s3:PutObject`. */
  readonly action: string;
  /** Such as `arn:aws:s3:::bucket/key`. */
  readonly resource: string;
  /** Condition keys that the request has, and their values. */
  readonly context: ReadonlyMap<string, string>;
}

export type Verdict = 'denied' | 'allowed' | 'unsaid';

export interface Policy {
  readonly statements: readonly JsonObject[];
}

const limits = { maxDepth: 16, maxValues: 10_000, maxDigits: 16 };
/** Characters; AWS takes 20 KB. */
const longestPolicy = 64 * 1024;

/** @throws document-invalid for text that is no policy */
export function parsePolicy(text: string, where: string): Policy {
  if (text.length > longestPolicy) {
    const found = `${where}: ${text.length} characters, expected at most ${longestPolicy}`;
    throw new TidegateError('document-invalid', found, { limit: longestPolicy });
  }
  const json = parseJson(new TextEncoder().encode(text), limits, where);
  const statements = isJsonObject(json) ? listOf(json.get('Statement')) : [];
  if (statements.length > 0 && statements.every(isJsonObject)) return { statements };
  throw new TidegateError('document-invalid', `${where}: no statements, expected those of a policy`);
}

/** @throws store-unsupported for a statement that is not understood here */
export function verdictOf({ statements }: Policy, request: PolicyRequest): Verdict {
  const effects = statements.filter((each) => applies(each, request)).map((each) => each.get('Effect'));
  if (effects.includes('Deny')) return 'denied';
  return effects.includes('Allow') ? 'allowed' : 'unsaid';
}

function applies(statement: JsonObject, request: PolicyRequest): boolean {
  for (const member of statement.keys()) {
    if (!['Sid', 'Effect', 'Principal', 'Action', 'Resource', 'Condition'].includes(member))
      throw unknown(member);
  }
  if (!isForEverybody(statement.get('Principal'))) return false;
  const matches = (member: string, value: string, fold: boolean): boolean =>
    listOf(statement.get(member)).some((pattern) => isLike(value, String(pattern), fold));
  const conditions = statement.get('Condition');
  return (
    matches('Action', request.action, true) &&
    matches('Resource', request.resource, false) &&
    (!isJsonObject(conditions) || [...conditions].every(([operator, keys]) => holds(operator, keys, request)))
  );
}

/** Policies of identities have no principal. */
function isForEverybody(principal: JsonValue | undefined): boolean {
  if (principal === undefined || principal === '*') return true;
  return isJsonObject(principal) && listOf(principal.get('AWS')).includes('*');
}

/** Every key of an operator must hold, one of the values of each. */
function holds(operator: string, keys: JsonValue, { context }: PolicyRequest): boolean {
  if (!isJsonObject(keys)) throw unknown(operator);
  return [...keys].every(([key, values]) => {
    const found = context.get(key.toLowerCase());
    const wanted = listOf(values).map(String);
    switch (operator) {
      case 'Null':
        return wanted.includes(String(found === undefined));
      case 'Bool':
      case 'StringEquals':
        return found !== undefined && wanted.includes(found);
      case 'StringNotEquals':
        return found === undefined || !wanted.includes(found);
      case 'StringLike':
        return found !== undefined && wanted.some((pattern) => isLike(found, pattern, false));
      case 'StringNotLike':
        return found === undefined || !wanted.some((pattern) => isLike(found, pattern, false));
      default:
        throw unknown(operator);
    }
  });
}

/** No regular expression: one made from many stars would try for ever. */
function isLike(text: string, pattern: string, fold: boolean): boolean {
  const [found, wanted] = fold ? [text.toLowerCase(), pattern.toLowerCase()] : [text, pattern];
  let [at, next] = [0, 0];
  /** Behind the last star, and where what it stands for ends. */
  let [star, end] = [-1, 0];
  while (at < found.length) {
    if (wanted[next] === '*') {
      next += 1;
      [star, end] = [next, at];
    } else if (wanted[next] === '?' || wanted[next] === found[at]) {
      [at, next] = [at + 1, next + 1];
    } else if (star >= 0) {
      end += 1;
      [at, next] = [end, star];
    } else return false;
  }
  return /^\**$/.test(wanted.slice(next));
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function unknown(what: string): TidegateError {
  const text = `the policy says ${JSON.stringify(what)}, which is not understood here; look at it yourself`;
  return new TidegateError('store-unsupported', text, { found: what });
}
