/**
 * s3s-fs, an S3 server that answers 412 and yet lets two racing writers win: built by cargo into the cache folder, which
 * takes minutes. As a program it builds it (`deno task test:stores`).
 *
 * @module
 */
import { exists } from "../../runtime/cli/exists.ts";
import { cacheDir, run } from "../../runtime/cli/services/artifacts.ts";

const VERSION = "0.14.0";

/** Where its executable is, once built. */
export const S3S_FS = `${cacheDir()}/s3s-fs-${VERSION}/bin/s3s-fs`;

if (import.meta.main && !await exists(S3S_FS)) {
  console.error(`Building s3s-fs ${VERSION} (once, some minutes) ...`);
  const root = `${cacheDir()}/s3s-fs-${VERSION}`;
  await run("cargo", ["install", "s3s-fs", "--version", VERSION, "--locked", "--features", "binary", "--root", root]);
}
