/**
 * Patterns of target paths (TUF specification 4.5). Only `*` (any characters) and `?` (one character) are
 * special, and neither crosses a `/`. Brackets, braces, `!` and `#` stand for themselves: implementations
 * that give them a meaning disagree, and a disagreement about who may sign what is a hole.
 *
 * Matching is greedy and goes back to the last `*` only; earlier ones never need to be tried again. It costs at
 * most the square of the path's length, whatever the pattern.
 */
export function matchesPattern(pattern: string, path: string): boolean {
  const wanted = [...pattern];
  const text = [...path];
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let index = 0; index < text.length; ) {
    if (wanted[at] === '*') {
      star = at;
      resume = index;
      at += 1;
    } else if (wanted[at] === text[index] || (wanted[at] === '?' && text[index] !== '/')) {
      at += 1;
      index += 1;
    } else if (star >= 0 && text[resume] !== '/') {
      resume += 1;
      index = resume;
      at = star + 1;
    } else return false;
  }
  return wanted.slice(at).every((character) => character === '*');
}
