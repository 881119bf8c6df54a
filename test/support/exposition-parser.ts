/** Reads Prometheus' text format as strictly as its own parser and `promtool check metrics` do. */

export interface ParsedMetric {
  readonly help: string;
  readonly type: string;
  readonly samples: { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

const metricName = '[a-zA-Z_:][a-zA-Z0-9_:]*';

/** @throws Error naming the line that is not of the format */
export function parseExposition(text: string): ReadonlyMap<string, ParsedMetric> {
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line does not end with a line feed');
  const metrics = new Map<string, ParsedMetric>();
  const seen = new Set<string>();
  let help: readonly [string, string] | undefined;
  let current: string | undefined;
  for (const line of text.split('\n').slice(0, -1)) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`);
    };
    const comment = new RegExp(`^# (HELP|TYPE) (${metricName}) (.*)$`).exec(line);
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment;
      if (metrics.has(name)) fail('a metric is described twice');
      if (kind === 'HELP') help = [name, unescaped(rest, /\\(?![\\n])/)];
      else {
        if (help?.[0] !== name) fail('TYPE does not follow the HELP of the same metric');
        if (rest !== 'gauge' && rest !== 'counter') fail('no known type');
        if (rest === 'counter' && !name.endsWith('_total')) fail('a counter does not end in _total');
        metrics.set(name, { help: help?.[1] ?? '', type: rest, samples: [] });
        current = name;
      }
      continue;
    }
    const sample = new RegExp(`^(${metricName})(?:\\{(.*)\\})? (-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?)$`).exec(
      line,
    );
    if (sample === null) return fail('no sample');
    const [, name = '', inside = '', value = ''] = sample;
    if (name !== current) fail('a sample stands apart from its metric');
    const labels = parseLabels(inside, fail);
    const identity = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
    if (seen.has(identity)) fail('a sample comes twice');
    seen.add(identity);
    metrics.get(name)?.samples.push({ labels, value: Number(value) });
  }
  return metrics;
}

function parseLabels(text: string, fail: (why: string) => never): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== '') {
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest);
    if (match === null) return fail('no label');
    const [whole, name = '', value = ''] = match;
    if (name in labels) fail('a label comes twice');
    labels[name] = unescaped(value, /\\(?!["\\n])/);
    rest = rest.slice(whole.length);
  }
  return labels;
}

function unescaped(text: string, wrong: RegExp): string {
  if (wrong.test(text.replaceAll('\\\\', ''))) throw new Error(`an escape that is none: ${text}`);
  return text.replaceAll(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}
