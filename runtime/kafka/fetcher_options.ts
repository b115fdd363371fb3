/**
 * What a fetcher needs.
 *
 * @module
 */
import type { Clock } from "../api/clock.ts";
import type { Log } from "../api/log.ts";
import type { ConsumerSettings } from "./settings.ts";

/** What a fetcher needs. */
export interface FetcherOptions {
  readonly settings: ConsumerSettings;
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1): spreads the back-off. */
  readonly random: () => number;
  /** Slabs that are out or wait; over it fetching pauses. Default: four responses. */
  readonly memoryBytes?: number;
  /** The most bytes a second; 0, the default: as many as come. */
  readonly bytesPerSecond?: number;
  /** How long a partition that brought little is not asked again, where there are many. Default 0. */
  readonly quietPauseMs?: number;
  /** A topic that is gone this long is reported as changed. Default 30 s. */
  readonly topicGoneMs?: number;
}
