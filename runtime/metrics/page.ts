/**
 * The page of metrics in Prometheus' text form. All but histograms is computed when somebody looks, from plain figures: what
 * is no more (a connector that was deleted) is not on the page. This file is the only door to prom-client.
 *
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** Values of a metric's labels. */
export type Labels = Readonly<Record<string, string | number>>;

/** Puts a series on the page. */
export type Show = (labels: Labels, value: number) => void;

/** A metric as it is declared. */
export interface Declared {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
}

/** A distribution; its series stay until they are removed. */
export interface Distribution {
  observe(labels: Labels, value: number): void;
  remove(connector: string): void;
}

/** A registry of its own: two workers in one process do not meet. */
export class Page {
  readonly #registry = new Registry();
  readonly declared: Declared[] = [];

  /** Where something stands now. */
  gauge(name: string, help: string, labels: readonly string[], show: (show: Show) => void): void {
    new Gauge({
      ...this.#declare({ name, type: "gauge", help, labels }),
      collect() {
        this.reset();
        show((labels, value) => this.set(labels, value));
      },
    });
  }

  /** What only grows. Several of the same labels are added up. */
  counter(name: string, help: string, labels: readonly string[], show: (show: Show) => void): void {
    new Counter({
      ...this.#declare({ name, type: "counter", help, labels }),
      collect() {
        this.reset();
        show((labels, value) => this.inc(labels, value));
      },
    });
  }

  /** The first label is the connector. */
  histogram(name: string, help: string, labels: readonly string[], buckets: number[]): Distribution {
    const histogram = new Histogram({ ...this.#declare({ name, type: "histogram", help, labels }), buckets });
    const seen = new Map<string, Map<string, Labels>>();
    return {
      observe(given, value) {
        const connector = String(given.connector);
        const own = seen.get(connector) ?? new Map();
        seen.set(connector, own);
        own.set(labels.map((label) => given[label]).join("\0"), given);
        histogram.observe(given, value);
      },
      remove(connector) {
        for (const given of seen.get(connector)?.values() ?? []) histogram.remove(given);
        seen.delete(connector);
      },
    };
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  #declare(declared: Declared) {
    this.declared.push(declared);
    const { name, help, labels } = declared;
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }
}
