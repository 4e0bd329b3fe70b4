// The names that headers define, and the integers that C expressions come to. A Header lives for one run.

import { ToolError } from "../shared/errors.ts";
import { type Declarations, declarationsOf, type Enumerator } from "./ast.ts";
import type { CSource } from "./clang.ts";
import { isPattern, type Macro, matches, parseMacros } from "./macros.ts";

export interface Header {
  readonly macros: ReadonlyMap<string, Macro>;
  readonly declarations: Declarations;
  /** @returns by expression; those that are no integer constants are not there */
  readonly evaluate: (expressions: readonly string[]) => Promise<ReadonlyMap<string, Enumerator>>;
}

const PROBE = "devlift_probe_";

/** @throws ToolError when a header is missing or does not compile */
export async function readHeader(source: CSource): Promise<Header> {
  const [preprocessed, parsed] = await Promise.all([source.preprocess(), source.parse([])]);
  const macros = parseMacros(preprocessed);
  const declarations = declarationsOf(parsed.tree);
  async function evaluate(expressions: readonly string[]): Promise<Map<string, Enumerator>> {
    if (expressions.length === 0) return new Map();
    const probes = expressions.map((expression, index) => `enum { ${PROBE}${index} = (${expression}) };`);
    const { tree, complaints } = await source.parse(probes);
    const failed = new Set(complaints.map(({ line }) => line));
    const { enumerators } = declarationsOf(tree);
    const values = new Map<string, Enumerator>();
    for (const [index, expression] of expressions.entries()) {
      const value = failed.has(index) ? undefined : enumerators.get(`${PROBE}${index}`);
      if (value) values.set(expression, value);
    }
    return values;
  }
  return { macros, declarations, evaluate };
}

export interface Choice {
  readonly names: readonly string[];
  readonly except: readonly string[];
  /** Begins the messages. */
  readonly path: string;
}

/**
 * Names and patterns, as names: in the order of `names`, and those of a pattern in the order of `candidates`.
 * @throws ToolError for a pattern that no candidate fits, or an exception that excepts nothing
 */
export function choose({ names, except, path }: Choice, candidates: readonly string[]): string[] {
  const excepted = new Set<string>();
  const explicit = new Set(names.filter((name) => !isPattern(name)));
  const fits = (pattern: string) => {
    const found = candidates.filter((name) => !explicit.has(name) && matches(pattern, name));
    if (found.length === 0) throw new ToolError(`${path}: nothing in the headers fits ${pattern}`);
    return found.filter((name) => {
      const hits = except.filter((exception) => matches(exception, name));
      for (const hit of hits) excepted.add(hit);
      return hits.length === 0;
    });
  };
  const chosen = names.flatMap((name) => (isPattern(name) ? fits(name) : [name]));
  for (const exception of except) {
    if (!excepted.has(exception)) throw new ToolError(`${path}: the exception ${exception} excepts nothing`);
  }
  return [...new Set(chosen)];
}
