/**
 * Patterns of target paths (TUF specification 4.5). Only `*` (any characters) and `?` (one character) are
 * special, and neither crosses a `/`. Brackets, braces, `!` and `#` stand for themselves: implementations
 * that give them a meaning disagree, and a disagreement about who may sign what is a hole.
 */

/** Cost at most the product of the two lengths, whatever the pattern. */
export function matchesPattern(pattern: string, path: string): boolean {
  const patternSegments = pattern.split('/');
  const pathSegments = path.split('/');
  if (patternSegments.length !== pathSegments.length) return false;
  return patternSegments.every((segment, index) =>
    matchesSegment([...segment], [...(pathSegments[index] ?? '')]),
  );
}

/** Greedy matching that goes back to the last `*` only; earlier ones never need to be tried again. */
function matchesSegment(pattern: readonly string[], text: readonly string[]): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let index = 0; index < text.length; ) {
    if (pattern[at] === '*') {
      star = at;
      resume = index;
      at += 1;
    } else if (pattern[at] === '?' || pattern[at] === text[index]) {
      at += 1;
      index += 1;
    } else if (star >= 0) {
      resume += 1;
      index = resume;
      at = star + 1;
    } else return false;
  }
  return pattern.slice(at).every((character) => character === '*');
}
