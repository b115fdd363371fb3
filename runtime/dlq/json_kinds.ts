/**
 * What JSON values look like: records of which no field is of two kinds can be decoded by one schema without any value being
 * made into what it is not.
 *
 * @module
 */

/** The kinds of a record's values by path. Null and what is absent have none. */
export type Kinds = ReadonlyMap<string, string>;

/** Deeper ones no converter takes. */
const DEPTH_MAX = 512;

/** Null: the text is no JSON object. */
export function kindsOf(text: string): Kinds | null {
  const kinds = new Map<string, string>();
  try {
    const parsed: unknown = JSON.parse(text, numbersAsText as Parameters<typeof JSON.parse>[1]);
    if (parsed === null || typeof parsed !== "object" || Array.isArray(parsed) || parsed instanceof Digits) return null;
    return addMembers(parsed, "", kinds, 0) ? kinds : null;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return null;
    throw error;
  }
}

/** Texts put together (by their indices) whose kinds do not contradict each other; those without kinds come last. */
export function groupByKinds(
  all: readonly (Kinds | null)[],
): { readonly kinds: Kinds | null; readonly of: number[] }[] {
  const groups: { readonly kinds: Map<string, string>; readonly of: number[] }[] = [];
  const none: number[] = [];
  for (const [i, kinds] of all.entries()) {
    if (kinds === null) {
      none.push(i);
      continue;
    }
    const fits = groups.find((group) => [...kinds].every(([path, kind]) => (group.kinds.get(path) ?? kind) === kind));
    if (!fits) groups.push({ kinds: new Map(kinds), of: [i] });
    else {
      fits.of.push(i);
      for (const [path, kind] of kinds) fits.kinds.set(path, kind);
    }
  }
  return none.length === 0 ? groups : [...groups, { kinds: null, of: none }];
}

/** The kind of a top-level member. */
export function kindOf(kinds: Kinds, name: string): string | null {
  return kinds.get(pathOf("", name))?.split(":")[0] ?? null;
}

/** A number as it is written. */
class Digits {
  constructor(readonly text: string) {}
}

function numbersAsText(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === "number" ? new Digits(context?.source ?? String(value)) : value;
}

/** A table does not tell names apart by case, so that records that differ in that go by different schemas. */
const pathOf = (path: string, name: string) => `${path}\0${name.toLowerCase()}`;

function addMembers(record: object, path: string, kinds: Map<string, string>, depth: number): boolean {
  return Object.entries(record).every(([name, value]) => add(value, pathOf(path, name), `:${name}`, kinds, depth + 1));
}

/** False: it is too deep. */
function add(value: unknown, path: string, name: string, kinds: Map<string, string>, depth: number): boolean {
  if (depth > DEPTH_MAX) return false;
  if (value === null) return true;
  const note = (kind: string) => {
    const known = kinds.get(path);
    kinds.set(path, known === undefined || known === kind + name ? kind + name : `mixed${name}`);
  };
  if (value instanceof Digits) note(numberKind(value.text));
  else if (typeof value !== "object") note(typeof value);
  else if (Array.isArray(value)) {
    note("list");
    return value.every((each) => add(each, `${path}\0[]`, "", kinds, depth + 1));
  } else {
    note("object");
    return addMembers(value, path, kinds, depth);
  }
  return true;
}

function numberKind(text: string): string {
  const digits = /^-?(\d+)$/.exec(text)?.[1];
  return digits === undefined ? "fraction" : digits.length < 19 ? "int" : "wide";
}
