/**
 * Certificates for brokers and clients of tests: good ones, and each kind of bad one. Made by openssl.
 *
 * @module
 */
import { run } from "../../runtime/cli/services/artifacts.ts";

/** Paths of PEM files. A server's file holds its key and its certificate: what Kafka calls a PEM keystore. */
export interface Certificates {
  /** The authority that signed all but `foreign`. */
  readonly ca: string;
  /** An authority that signed nothing here but `foreign`. */
  readonly otherCa: string;
  /** For localhost and 127.0.0.1. */
  readonly server: string;
  /** For another host. */
  readonly misnamed: string;
  /** Its time is over. */
  readonly expired: string;
  /** A client's certificate and key in one file. */
  readonly client: string;
  /** The client's certificate alone, its key (PKCS 8), and the key encrypted with `KEY_PASSWORD`. */
  readonly clientCertificate: string;
  readonly clientKey: string;
  readonly clientKeyEncrypted: string;
  /** A client's certificate and key by `otherCa`. */
  readonly foreign: string;
}

/** What `clientKeyEncrypted` is encrypted with. */
export const KEY_PASSWORD = "the key's password";

const EC_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Makes all of them in a folder. */
export async function makeCertificates(dir: string): Promise<Certificates> {
  await Promise.all([authority(dir, "ca"), authority(dir, "other-ca")]);
  const localhost = "DNS:localhost,IP:127.0.0.1";
  const [server, misnamed, expired, client, foreign] = await Promise.all([
    leaf(dir, "ca", "server", localhost),
    leaf(dir, "ca", "misnamed", "DNS:broker.example"),
    leaf(dir, "ca", "expired", localhost, -1),
    leaf(dir, "ca", "client", "DNS:client.example"),
    leaf(dir, "other-ca", "foreign", "DNS:client.example"),
  ]);
  const clientKeyEncrypted = `${dir}/client-encrypted.key`;
  const clientKey = `${dir}/client.key`;
  const password = `pass:${KEY_PASSWORD}`;
  await run("openssl", ["pkcs8", "-topk8", "-in", clientKey, "-out", clientKeyEncrypted, "-passout", password]);
  return {
    ca: `${dir}/ca.pem`,
    otherCa: `${dir}/other-ca.pem`,
    server,
    misnamed,
    expired,
    client,
    clientCertificate: `${dir}/client.pem`,
    clientKey,
    clientKeyEncrypted,
    foreign,
  };
}

async function authority(dir: string, name: string): Promise<void> {
  const to = ["-keyout", `${dir}/${name}.key`, "-out", `${dir}/${name}.pem`];
  await run("openssl", ["req", "-x509", ...EC_KEY, ...to, "-days", "30", "-subj", `/CN=${name} of sluice's tests`]);
}

/** A certificate and its key; returns the file that holds both. */
async function leaf(dir: string, ca: string, name: string, names: string, days = 30): Promise<string> {
  const at = `${dir}/${name}`;
  await run("openssl", ["req", "-new", ...EC_KEY, "-keyout", `${at}.key`, "-out", `${at}.csr`, "-subj", `/CN=${name}`]);
  await Deno.writeTextFile(`${at}.ext`, `subjectAltName=${names}\nbasicConstraints=CA:FALSE\n`);
  const by = ["-CA", `${dir}/${ca}.pem`, "-CAkey", `${dir}/${ca}.key`, "-set_serial", String(1 + name.length)];
  await run("openssl", [
    ...["x509", "-req", "-in", `${at}.csr`, ...by, "-days", String(days), "-extfile", `${at}.ext`],
    ...["-out", `${at}.pem`],
  ]);
  const both = `${at}-with-key.pem`;
  await Deno.writeTextFile(both, await Deno.readTextFile(`${at}.key`) + await Deno.readTextFile(`${at}.pem`));
  return both;
}
