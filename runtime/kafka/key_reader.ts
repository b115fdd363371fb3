/**
 * Reads Kafka's keys for one client: its override, else the common value, else the default.
 *
 * @module
 */
import { Secret } from "../api/config_def.ts";
import type { ConfigProblem } from "../api/errors.ts";

/** Which client an override is for. */
export type Role = "consumer" | "producer" | "admin";

/** Raw configuration: Kafka's keys. */
export type RawKafkaSettings = Readonly<Record<string, string | Secret>>;

/** What keys may refer to outside of the configuration. */
export interface Outside {
  readonly readFile: (path: string) => Promise<string>;
  readonly environment: (name: string) => string | undefined;
}

const SECRETS = /password|jaas|secret|keystore\.key/;

/** Notes what is wrong and goes on, so that every problem is told at once. */
export class KeyReader {
  constructor(
    private readonly raw: RawKafkaSettings,
    private readonly role: Role,
    private readonly defaults: Readonly<Record<string, string>>,
    private readonly problems: ConfigProblem[],
    private readonly outside: Outside,
  ) {}

  text(key: string): string {
    const value = this.raw[this.#source(key)];
    if (value !== undefined) return value instanceof Secret ? value.reveal() : value.trim();
    return this.defaults[key];
  }
  int(key: string, min: number): number {
    const text = this.text(key);
    const value = Number(text);
    const fits = /^\d+$/.test(text) && value >= min && value <= 2 ** 31 - 1;
    if (!fits) this.problem(key, `wanted a whole number from ${min} to ${2 ** 31 - 1}`);
    return value;
  }
  oneOf<const T extends string>(key: string, accepted: readonly T[]): T {
    const value = this.text(key);
    if (!(accepted as readonly string[]).includes(value)) this.problem(key, `wanted one of ${accepted.join(", ")}`);
    return value as T;
  }
  brokers(key: string): { readonly host: string; readonly port: number }[] {
    const text = this.text(key);
    if (!text) this.problem(key, "missing; wanted host:port, several separated by commas");
    return text.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "").map((entry) => {
      const [, host, port] = /^(?:\w+:\/\/)?\[?(.+?)\]?:(\d+)$/.exec(entry) ?? [];
      if (!host || Number(port) > 65535) this.problem(key, `"${entry}" is not host:port`);
      return { host: host ?? "", port: Number(port) };
    });
  }
  /** The text of the file that a key names. */
  async file(key: string): Promise<string | null> {
    const path = this.text(key);
    if (!path) return null;
    try {
      return await this.outside.readFile(path);
    } catch (error) {
      this.problem(key, `cannot be read: ${error instanceof Error ? error.message : error}`);
      return null;
    }
  }
  environment(name: string): string | undefined {
    return this.outside.environment(name);
  }
  /** Whether the configuration says anything about a key. */
  isSet(key: string): boolean {
    return this.text(key) !== this.defaults[key];
  }
  problem(key: string, why: string): void {
    const source = this.#source(key);
    const value = this.raw[source];
    const shown = value === undefined ? undefined : SECRETS.test(key) || value instanceof Secret ? "[hidden]" : value;
    this.problems.push({ key: source, value: shown, why });
  }
  #source(key: string): string {
    const override = `${this.role}.override.${key}`;
    return override in this.raw ? override : key;
  }
}
