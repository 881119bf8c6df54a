/**
 * Path patterns as other clients read them: brackets are classes there, and with tough `*` goes past a slash. Only for
 * saying whom a pattern misleads; what we believe ourselves says `metadata/path-pattern.ts`.
 */

export interface Dialect {
  /** Whether `*` and `?` go past a slash. */
  readonly crossesSlash: boolean;
}

type Token = { readonly star: true } | { readonly star?: never; matches(character: string): boolean };

/** Greedy, back to the last star only: at most the length of the pattern times that of the path. */
export function coversIn(dialect: Dialect, pattern: string, path: string): boolean {
  const tokens = tokensOf(pattern, dialect);
  const text = [...path];
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let index = 0; index < text.length; ) {
    const token = tokens[at];
    if (token?.star) {
      star = at;
      resume = index;
      at += 1;
    } else if (token?.matches(text[index] ?? '')) {
      at += 1;
      index += 1;
    } else if (star >= 0 && (dialect.crossesSlash || text[resume] !== '/')) {
      resume += 1;
      index = resume;
      at = star + 1;
    } else return false;
  }
  return tokens.slice(at).every((token) => token.star);
}

function tokensOf(pattern: string, { crossesSlash }: Dialect): readonly Token[] {
  const tokens: Token[] = [];
  for (let rest = pattern; rest !== ''; ) {
    const [part = ''] = /^\[[!^]?[^\]]+\]|^./su.exec(rest) ?? [];
    rest = rest.slice(part.length);
    if (part === '*') tokens.push({ star: true });
    else if (part === '?') tokens.push({ matches: (character) => crossesSlash || character !== '/' });
    else if (part.length > 2 && part.startsWith('[')) tokens.push(classToken(part.slice(1, -1)));
    else tokens.push({ matches: (character) => character === part });
  }
  return tokens;
}

function classToken(body: string): Token {
  const negated = /^[!^]/.test(body);
  const members = [...(negated ? body.slice(1) : body)];
  const matches = (character: string): boolean =>
    members.some(
      (member, index) =>
        member === character ||
        (member === '-' &&
          (members[index - 1] ?? '~') <= character &&
          character <= (members[index + 1] ?? '')),
    );
  return { matches: (character) => character !== '/' && matches(character) !== negated };
}
