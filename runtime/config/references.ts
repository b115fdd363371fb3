/**
 * References in values: `${env:NAME}`, `${file:PATH:KEY}` (a key of a .properties file) and `${dir:PATH:FILE}` (a whole
 * file, its last line break left out), as Kafka Connect's config providers read them. `${topic}` and other names without
 * a provider stay as they are. What was resolved never appears in messages: an entry shows its reference instead.
 *
 * @module
 */
import type { ConfigProblem } from "../api/errors.ts";
import { didYouMean } from "./nearest.ts";
import { parseProperties } from "./properties.ts";
import { type RawConfig, type RawEntry, type RawKeys, type RawScalar, valueText } from "./raw.ts";

/** Where references are looked up. */
export interface ReferenceSources {
  readonly environment: Readonly<Record<string, string>>;
  readonly readTextFile: (path: string) => Promise<string>;
}

const PROVIDERS = ["env", "file", "dir"] as const;
const REFERENCE = /\$\{([^{}:]*):([^{}]*)\}/g;

/** The same configuration with its references resolved. */
export async function resolveReferences(
  config: RawConfig,
  sources: ReferenceSources,
  problems: ConfigProblem[],
): Promise<RawConfig> {
  const worker = await resolveKeys(config.worker, "", sources, problems);
  const connectors = new Map<string, RawKeys>();
  for (const [name, keys] of config.connectors) {
    connectors.set(name, await resolveKeys(keys, `connectors.${name}.`, sources, problems));
  }
  return { worker, connectors };
}

async function resolveKeys(
  keys: RawKeys,
  path: string,
  sources: ReferenceSources,
  problems: ConfigProblem[],
): Promise<RawKeys> {
  const resolved: RawKeys = new Map();
  for (const [key, entry] of keys) {
    const failed: string[] = [];
    resolved.set(key, await resolveEntry(entry, sources, failed));
    for (const why of failed) problems.push({ key: path + key, why });
  }
  return resolved;
}

async function resolveEntry(entry: RawEntry, sources: ReferenceSources, failed: string[]): Promise<RawEntry> {
  const { value } = entry;
  const resolveScalar = async (scalar: RawScalar) =>
    typeof scalar === "string" ? await resolveText(scalar, sources, failed) : scalar;
  if (Array.isArray(value)) {
    if (!value.some(hasReference)) return entry;
    const list = await Promise.all((value as readonly RawScalar[]).map(resolveScalar));
    return { ...entry, value: list, shown: valueText(value) };
  }
  if (!hasReference(value as RawScalar)) return entry;
  return { ...entry, value: await resolveScalar(value as RawScalar), shown: valueText(value) };
}

function hasReference(value: RawScalar): boolean {
  return typeof value === "string" && value.search(REFERENCE) >= 0;
}

async function resolveText(text: string, sources: ReferenceSources, failed: string[]): Promise<string> {
  let out = "";
  let at = 0;
  for (const match of text.matchAll(REFERENCE)) {
    out += text.slice(at, match.index);
    const found = await lookUp(match[1], match[2], sources);
    if ("missing" in found) failed.push(`cannot resolve ${match[0]}: ${found.missing}`);
    else out += found.value;
    at = match.index + match[0].length;
  }
  return out + text.slice(at);
}

type Found = { readonly value: string } | { readonly missing: string };

async function lookUp(provider: string, rest: string, sources: ReferenceSources): Promise<Found> {
  // The last colon: a path may hold others.
  const colon = rest.lastIndexOf(":");
  const [path, name] = [rest.slice(0, Math.max(colon, 0)), rest.slice(colon + 1)];
  if (provider === "env") {
    const value = Object.hasOwn(sources.environment, rest) ? sources.environment[rest] : undefined;
    return value === undefined ? { missing: `provider env has no variable ${rest}` } : { value };
  }
  if (provider === "file") {
    if (colon < 0) return { missing: "provider file takes ${file:PATH:KEY}" };
    const read = await readFile(provider, path, sources);
    if ("missing" in read) return read;
    const property = parseProperties(read.value).findLast((p) => p.key === name);
    return property ? { value: property.value } : { missing: `provider file finds no key ${name} in ${path}` };
  }
  if (provider === "dir") {
    if (colon < 0) return { missing: "provider dir takes ${dir:PATH:FILE}" };
    if (/[/\\]/.test(name) || name === ".." || name === "") return { missing: `provider dir takes no path as FILE` };
    const read = await readFile(provider, `${path.replace(/\/$/, "")}/${name}`, sources);
    return "missing" in read ? read : { value: read.value.replace(/\r?\n$/, "") };
  }
  return { missing: `there is no provider "${provider}" (${PROVIDERS.join(", ")})${didYouMean(provider, PROVIDERS)}` };
}

async function readFile(provider: string, path: string, { readTextFile }: ReferenceSources): Promise<Found> {
  try {
    return { value: await readTextFile(path) };
  } catch (error) {
    if (!(error instanceof Error) || error instanceof TypeError) throw error;
    return { missing: `provider ${provider} cannot read ${path} (${error.name})` };
  }
}
