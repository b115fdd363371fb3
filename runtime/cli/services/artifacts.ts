/**
 * The pinned programs behind `services up`: fetched once by Maven, the object store by Go, kept outside the checkout.
 *
 * @module
 */
import { exists } from "../exists.ts";
import { FatalError } from "../../api/errors.ts";

/** The only place that names versions of the servers. */
const VERSIONS = {
  kafka: "4.4.0",
  scala: "2.13",
  apicurio: "2.6.13.Final",
  dependencyPlugin: "3.8.1",
  versitygw: "1.8.0",
} as const;

/** Called with a line of progress. */
export type Progress = (line: string) => void;

const ALTERNATIVES = "Use a broker of your own (--config FILE with bootstrap.servers), " +
  "or run: docker compose -f deploy/compose.yaml up";

const kafkaPom = (version: string) =>
  `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sluice</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_${VERSIONS.scala}</artifactId>
      <version>${version}</version>
      <!-- kafka-tools-api 4.4.0 is not on Central; the broker does not need it -->
      <exclusions><exclusion>
        <groupId>org.apache.kafka</groupId><artifactId>kafka-tools-api</artifactId>
      </exclusion></exclusions>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`;

/** `$SLUICE_CACHE`, else `$XDG_CACHE_HOME/sluice`, else `~/.cache/sluice`. */
export function cacheDir(): string {
  const own = Deno.env.get("SLUICE_CACHE");
  if (own) return own;
  const base = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? Deno.cwd()}/.cache`;
  return `${base}/sluice`;
}

/** The folder with the broker's jars; fetches them where it is not complete yet. Tests name other versions than ours. */
export async function kafkaLibs(
  log: Progress,
  cache = cacheDir(),
  version: string = VERSIONS.kafka,
): Promise<string> {
  const target = `${cache}/kafka-${VERSIONS.scala}-${version}`;
  await requireProgram("java", "a Java 17 runtime");
  if (await exists(target)) return target;
  await requireProgram("mvn", "Maven 3");
  log(`Fetching Apache Kafka ${version} (43 MB, once) ...`);
  await Deno.mkdir(cache, { recursive: true });
  const work = await Deno.makeTempDir({ dir: cache, prefix: "kafka-" });
  try {
    await Deno.writeTextFile(`${work}/pom.xml`, kafkaPom(version));
    const plugin = `org.apache.maven.plugins:maven-dependency-plugin:${VERSIONS.dependencyPlugin}:copy-dependencies`;
    await maven(["-f", `${work}/pom.xml`, plugin, "-DincludeScope=runtime", `-DoutputDirectory=${work}/libs`]);
    await publish(`${work}/libs`, target);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return target;
}

/** The folder with the unpacked registry; fetches it where it is not complete yet. */
export async function registryHome(log: Progress, cache = cacheDir()): Promise<string> {
  const target = `${cache}/apicurio-${VERSIONS.apicurio}`;
  await requireProgram("java", "a Java 17 runtime");
  if (await exists(target)) return target;
  await requireProgram("mvn", "Maven 3");
  log(`Fetching Apicurio Registry ${VERSIONS.apicurio} (142 MB, once) ...`);
  await Deno.mkdir(cache, { recursive: true });
  const work = await Deno.makeTempDir({ dir: cache, prefix: "apicurio-" });
  try {
    const plugin = `org.apache.maven.plugins:maven-dependency-plugin:${VERSIONS.dependencyPlugin}`;
    const artifact = `-Dartifact=io.apicurio:apicurio-registry-app:${VERSIONS.apicurio}:tar.gz:all`;
    await maven([`${plugin}:get`, "-Dtransitive=false", artifact]);
    await maven([`${plugin}:copy`, artifact, `-DoutputDirectory=${work}`]);
    const archive = `${work}/apicurio-registry-app-${VERSIONS.apicurio}-all.tar.gz`;
    await Deno.mkdir(`${work}/home`);
    await run("tar", ["-xzf", archive, "-C", `${work}/home`]);
    await publish(`${work}/home`, target);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return target;
}

/** The object store's executable; builds it (about 1.5 minutes) where it is not there yet. */
export async function objectStoreProgram(log: Progress, cache = cacheDir()): Promise<string> {
  const target = `${cache}/versitygw-${VERSIONS.versitygw}`;
  if (await exists(target)) return `${target}/versitygw`;
  if (!await hasObjectStore(cache)) {
    throw new FatalError(
      'Cannot start the object store: "go" is not on the PATH, Go 1.25 or newer builds it. Leave it out ' +
        "(--no-object-store), use a bucket of your own, or install Go",
    );
  }
  log(`Building the object store versitygw ${VERSIONS.versitygw} (once, a minute or two) ...`);
  await Deno.mkdir(cache, { recursive: true });
  const work = await Deno.makeTempDir({ dir: cache, prefix: "versitygw-" });
  try {
    const module = `github.com/versity/versitygw/cmd/versitygw@v${VERSIONS.versitygw}`;
    await run("go", ["install", "-ldflags=-s -w", module], { GOBIN: `${work}/bin` });
    await publish(`${work}/bin`, target);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FatalError(`Cannot build the object store. Leave it out by --no-object-store\n${why}`, { cause });
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return `${target}/versitygw`;
}

/** Whether the object store is here, or can be built. */
export async function hasObjectStore(cache = cacheDir()): Promise<boolean> {
  return await exists(`${cache}/versitygw-${VERSIONS.versitygw}`) || await hasProgram("go");
}

/** Runs a program to its end; its output is part of the error where it fails. */
export async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null", env })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (success) return text(stdout);
  const tail = `${text(stdout)}\n${text(stderr)}`.trim().slice(-2000);
  throw new FatalError(`Cannot run "${program} ${args.join(" ")}": it ended with code ${code}:\n${tail}`);
}

async function maven(args: readonly string[]): Promise<void> {
  try {
    await run("mvn", ["-q", "-B", ...args]);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FatalError(`Cannot fetch the local services with Maven. ${ALTERNATIVES}\n${why}`, { cause });
  }
}

async function requireProgram(program: string, what: string): Promise<void> {
  if (await hasProgram(program)) return;
  throw new FatalError(
    `Cannot start local services: "${program}" is not on the PATH, ${what} is needed. ${ALTERNATIVES}`,
  );
}

async function hasProgram(program: string): Promise<boolean> {
  try {
    await new Deno.Command(program, { args: ["-version"], stdin: "null", stdout: "null", stderr: "null" }).output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Renames a complete folder into its place; where another process was first, its folder stays. */
async function publish(from: string, to: string): Promise<void> {
  try {
    await Deno.rename(from, to);
  } catch (error) {
    if (!(await exists(to))) throw error;
  }
}
