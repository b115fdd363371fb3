/**
 * The house's rules that a machine can hold. Every ban names its replacement.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);
const SKIPPED = [".git", "node_modules", "data", ".cache", "tests/bench/out"];

interface Source {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
  readonly isTest: boolean;
}

/** What other rules would break, and why it may stay for now. An entry that is no longer needed fails the test. */
const EXCEPTIONS: Readonly<Record<string, string>> = {};

const files = [...walk("")];
const sources: Source[] = files.filter((path) => path.endsWith(".ts")).map((path) => {
  const text = Deno.readTextFileSync(new URL(path, ROOT));
  return { path, text, imports: importsOf(text, path), isTest: isTestCode(path) };
});

Deno.test("imports go one way: api <- runtime <- mod.ts <- schemas, connectors <- runtime/cli/parts.ts", () => {
  report(
    sources.filter((source) => !source.isTest).flatMap(({ path, imports }) =>
      imports.filter((target) => !target.includes(":") && isLocal(target) && !mayImport(path, target)).map((target) =>
        `${path} imports ${target}: ${ruleFor(path)}`
      )
    ),
  );
});

Deno.test("every package has its door, and deno.json names every package with its version", () => {
  const config = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT)));
  const problems = sources.flatMap(({ path, imports, isTest }) =>
    imports.filter((target) => !isLocal(target)).flatMap((target) => {
      if (/^(npm|jsr|https?):/.test(target)) return [`${path} imports ${target}: name it in deno.json's imports`];
      if (target.startsWith("node:")) return [];
      const name = /^(@[^/]+\/)?[^/]+/.exec(target)![0]; // without the path of a file in the package
      if (!Object.hasOwn(config.imports, name)) return [`${path} imports ${target}: deno.json does not name it`];
      const doors = DOORS[name];
      if (!doors) return [`${path} imports ${target}: give the package a door in tests/tidy_test.ts`];
      const isOpen = doors.some((door) => path.startsWith(door)) || (isTest && TEST_PACKAGES.includes(target));
      return isOpen ? [] : [`${path} imports ${target}: its door is ${doors.join(", ")}; ask there instead`];
    })
  );
  for (const [name, version] of Object.entries<string>(config.imports)) {
    if (/^(npm|jsr):/.test(version) && !/@\d+\.\d+\.\d+$/.test(version)) {
      problems.push(`deno.json: pin ${name} exactly`);
    }
  }
  report(problems);
});

Deno.test("time, chance and output come as arguments", () => {
  report(
    sources.filter((source) => !source.isTest).flatMap(({ path, text }) =>
      BANS.flatMap(({ pattern, allowed, instead }) => {
        if (allowed.some((place) => path.startsWith(place))) return [];
        return linesOf(text, pattern).map((line) => `${path}:${line} has ${pattern.source}: use ${instead}`);
      })
    ),
  );
});

Deno.test("nothing is any, and a lint rule is switched off only with a reason", () => {
  report(sources.flatMap(({ path, text }) => [
    ...linesOf(text, /(?:[:<,|&]\s*|\bas\s+)any\b(?!\.\.\.\[\])(?=\s*[\]\[,;)>=|&]|$)/).filter((line) =>
      !/deno-lint-ignore no-explicit-any -- /.test(text.split("\n")[line - 2] ?? "")
    ).map((line) => `${path}:${line} says any: use unknown, or a type parameter`),
    ...linesOf(text, /deno-lint-ignore(?!.* -- \S)|@ts-(ignore|nocheck|expect-error)(?!.* \S)/).map((line) =>
      `${path}:${line} switches a check off: say why after " -- "`
    ),
  ]));
});

Deno.test("a file holds at most 400 lines", () => {
  report(
    sources.filter(({ text }) => lineCount(text) > 400).map(({ path, text }) =>
      `${path} has ${lineCount(text)} lines: one idea a file, about 150 lines`
    ),
  );
});

Deno.test("names: snake_case files, a home for every function", () => {
  report(files.flatMap((path) => {
    const parts = path.split("/");
    const name = parts.at(-1)!;
    const problems: string[] = [];
    if (/\.(ts|py|sh)$/.test(name) && !/^[a-z0-9_]+(\.[a-z]+)+$/.test(name)) {
      problems.push(`${path}: name the file in snake_case`);
    }
    if (parts.slice(0, -1).some((part) => /^(utils?|helpers?|common|misc)$/.test(part))) {
      problems.push(`${path}: no ${parts.at(-2)} folder; put it beside what uses it, under the name of its idea`);
    }
    if (/^(utils?|helpers?|common|misc)\.ts$/.test(name)) problems.push(`${path}: name the file for its idea`);
    return problems;
  }));
});

Deno.test("the top level holds what is named here", () => {
  const allowed = [
    ...["deno.json", "deno.lock", "mod.ts", "README.md", "LICENSE", "CHANGELOG.md", ".gitignore", ".deno-version"],
    ...["connectors", "runtime", "schemas", "tests", "deploy", ".ci", ".git", ".github"],
    // Made while working, ignored by git.
    ...["data", "node_modules", ".cache", "sluice.yaml"],
  ];
  const names = [...Deno.readDirSync(ROOT)].map(({ name }) => name).filter((name) => !name.endsWith(".log"));
  report(names.filter((name) => !allowed.includes(name)).map((name) => `${name}: nothing else belongs at the top`));
});

Deno.test("tests are named as sentences about a thing", () => {
  report(
    sources.filter(({ path }) => path.endsWith("_test.ts")).flatMap(({ path, text }) =>
      [...text.matchAll(/Deno\.test\(\s*"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1])
        .filter((name) =>
          name.trim().split(/\s+/).length < 3 || /^(test|should|it)\b/i.test(name) || name.endsWith(".")
        )
        .map((name) =>
          `${path}: "${name}" is no name: a sentence, the symbol first, e.g. "parseConfig() refuses a typo"`
        )
    ),
  );
});

Deno.test("Deno's version is the same wherever it is written", () => {
  const version = Deno.readTextFileSync(new URL(".deno-version", ROOT)).trim();
  assert(/^\d+\.\d+\.\d+$/.test(version), `.deno-version holds "${version}"`);
  const problems: string[] = [];
  for (const path of files.filter((path) => /(\.md|\.ya?ml|Dockerfile|\.sh|\.ci\/run|\.tf)$/.test(path))) {
    const text = Deno.readTextFileSync(new URL(path, ROOT));
    for (
      const [whole, found] of text.matchAll(/\bdeno(?:[@:]|-version: *)v?(?:alpine-|debian-|bin-)?(\d+\.\d+\.\d+)/g)
    ) {
      if (found !== version) problems.push(`${path} has ${whole}: .deno-version says ${version}`);
    }
  }
  report(problems);
});

Deno.test("exceptions to these rules are still needed", () => {
  assertEquals(Object.keys(EXCEPTIONS).filter((key) => !excused.has(key)), []);
});

/** Where each package may be imported. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  "apache-arrow": ["runtime/", "connectors/", "schemas/", "tests/"],
  "kafkajs": ["runtime/kafka/", "tests/"],
  "aws-msk-iam-sasl-signer-js": ["runtime/kafka/tokens.ts"],
  "@platformatic/kafka": ["runtime/kafka/", "tests/integration/", "tests/support/kafka_cluster.ts"],
  "hyparquet": ["connectors/delta-sink/parquet/"],
  "@aws-sdk/client-s3": ["connectors/delta-sink/storage/s3/"],
  "@aws-sdk/credential-providers": ["connectors/delta-sink/storage/s3/"],
  "hyparquet-writer": ["connectors/delta-sink/parquet/"],
  "prom-client": ["runtime/metrics/page.ts"],
  "@opentelemetry/api": ["runtime/tracing"],
  "@std/yaml": ["runtime/config/"],
  "commander": ["runtime/cli/command_line.ts", "runtime/cli/flags/"],
  "@bufbuild/cel": ["runtime/cel", "schemas/rules/cel.ts"],
  "@bufbuild/re2": ["runtime/cel_patterns.ts", "schemas/rules/cel.ts"],
  "jsonata": ["schemas/rules/jsonata.ts"],
  "avsc": ["schemas/avro/"],
  "protobufjs": ["schemas/protobuf/proto.ts"],
  "ajv": ["schemas/json/registered/"],
  "ajv-formats": ["schemas/json/registered/"],
  "fast-check": ["tests/"],
  "@std/assert": ["tests/", "runtime/std/"],
};

/** Test code may import these wherever it stands. */
const TEST_PACKAGES = ["@std/assert", "fast-check", "avsc", "protobufjs", "hyparquet", "kafkajs"];

/** What product code must not reach for; places that begin with `allowed` are where it enters. */
const BANS: readonly { pattern: RegExp; allowed: readonly string[]; instead: string }[] = [
  { pattern: /\bDate\.now\(/, allowed: ["runtime/clock.ts"], instead: "clock.now()" },
  { pattern: /\bnew Date\(\)/, allowed: ["runtime/clock.ts"], instead: "new Date(clock.now())" },
  { pattern: /\bperformance\.now\(/, allowed: ["runtime/clock.ts"], instead: "clock.monotonic()" },
  { pattern: /\bset(Timeout|Interval)\(/, allowed: ["runtime/clock.ts"], instead: "clock.sleep()" },
  {
    pattern: /\bMath\.random\b/,
    allowed: ["runtime/worker.ts", "runtime/run_task.ts", "runtime/cli/"],
    instead: "the `random` that you are given",
  },
  { pattern: /\bconsole\./, allowed: ["runtime/cli/"], instead: "the `log` that you are given" },
];

/** Folders and single files that a file may import from, by the longest prefix of its path. */
const LAYERS: readonly { readonly of: string; readonly may: readonly string[]; readonly rule: string }[] = [
  { of: "runtime/api/", may: ["runtime/api/"], rule: "the api imports nothing outside itself but Arrow's types" },
  { of: "runtime/std/", may: ["runtime/std/"], rule: "runtime/std stands alone" },
  { of: "runtime/cli/parts.ts", may: [""], rule: "" },
  {
    of: "runtime/cli/",
    may: ["runtime/", "mod.ts"],
    rule: "only runtime/cli/parts.ts knows every part; let it hand them in",
  },
  {
    of: "runtime/",
    may: ["runtime/!runtime/cli/"],
    rule: "the runtime knows no connector, no format and no command; let runtime/cli/parts.ts hand them in",
  },
  { of: "mod.ts", may: ["runtime/!runtime/cli/"], rule: "mod.ts re-exports the runtime's contract" },
  { of: "schemas/", may: ["mod.ts", "schemas/"], rule: "a format imports mod.ts and its own folder" },
  ...["delta", "parquet", "storage"].map((part) => ({
    of: `connectors/delta-sink/${part}/`,
    may: ["mod.ts", "connectors/delta-sink/"],
    rule: "it imports mod.ts and delta-sink",
  })),
  { of: "connectors/", may: ["mod.ts", "connectors/"], rule: "a connector imports mod.ts and itself" },
  { of: "deploy/", may: [""], rule: "" },
  { of: "tests/", may: [""], rule: "" },
];

function layerOf(path: string) {
  const layer = LAYERS.filter(({ of }) => path.startsWith(of)).sort((a, b) => b.of.length - a.of.length)[0];
  return layer ?? { of: "", may: [], rule: "it is in no folder that LAYERS names" };
}

function mayImport(path: string, target: string): boolean {
  // A connector knows itself only, not its neighbours.
  const connector = /^connectors\/[^/]+\//;
  if (connector.test(path) && connector.test(target) && connector.exec(path)![0] !== connector.exec(target)![0]) {
    return false;
  }
  if (target === "deno.json") return true; // for the version
  return layerOf(path).may.some((prefix) => {
    const [yes, no] = prefix.split("!");
    return target.startsWith(yes) && !(no && target.startsWith(no));
  });
}

function ruleFor(path: string): string {
  return layerOf(path).rule;
}

function isLocal(target: string): boolean {
  return target === "mod.ts" || target === "deno.json" || /^(runtime|connectors|schemas|tests|deploy)\//.test(target);
}

/** Tests, benchmarks, and what serves them alone. */
function isTestCode(path: string): boolean {
  return path.startsWith("tests/") || /(_test|_bench|test_support|fixture|_fixture)\.ts$/.test(path) ||
    /\/(testdata|fixtures)\//.test(path);
}

/** What a file imports: local files from the root, packages by their names. */
function importsOf(text: string, path: string): string[] {
  const code = text.replace(/^\s*(\*|\/\/).*$/gm, "");
  const found = code.matchAll(/(?:^|\n)\s*(?:import|export)\b[^"';`]*?from\s*"([^"]+)"|\bimport\s*\(?\s*"([^"]+)"/g);
  // What imports a .proto file, or a name that is put in, is the text of a schema; a template's is an author's.
  const isText = (target: string) =>
    /\.proto$|\$\{/.test(target) ||
    (target.startsWith("@sluice/") && /^runtime\/cli\/template\/|\/author_test\.ts$/.test(path));
  return [...found].map((match) => match[1] ?? match[2]).filter((target) => !isText(target)).map((target) =>
    target.startsWith(".") ? new URL(target, new URL(path, "file:///")).pathname.slice(1) : packageOf(target)
  );
}

/** `protobufjs/ext/descriptor.js` is of `protobufjs`; local files and schemes stay as they are. */
function packageOf(target: string): string {
  if (target.includes(":") || isLocal(target)) return target;
  return target.split("/").slice(0, target.startsWith("@") ? 2 : 1).join("/");
}

const SWITCHES = new RegExp("deno-lint-" + "ignore|@ts-[a-z]");

/** The numbers of the lines of code, comments left out, that match. */
function linesOf(text: string, pattern: RegExp): number[] {
  return text.split("\n").flatMap((line, i) => {
    const isComment = /^\s*(\*|\/\*)/.test(line) || (/^\s*\/\//.test(line) && !SWITCHES.test(line));
    return !isComment && pattern.test(line) ? [i + 1] : [];
  });
}

function lineCount(text: string): number {
  return text.trimEnd().split("\n").length;
}

const excused = new Set<string>();

/** Fails with every problem, those with an exception left out. */
function report(problems: readonly string[]): void {
  const rest = problems.filter((problem) => {
    const exception = Object.keys(EXCEPTIONS).find((key) => problem.startsWith(key));
    if (exception !== undefined) excused.add(exception);
    return exception === undefined;
  });
  assertEquals(rest.length, 0, `${rest.length} to tidy:\n${rest.join("\n")}`);
}

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(new URL(folder === "" ? "." : `${folder}/`, ROOT))) {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (SKIPPED.includes(path) || name === "node_modules" || name === "__pycache__") continue;
    if (isDirectory) yield* walk(path);
    else if (isFile) yield path;
  }
}
