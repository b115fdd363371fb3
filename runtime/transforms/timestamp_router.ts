/**
 * TimestampRouter: another name for a row's topic, made of the name and of the record's timestamp, with Kafka Connect's
 * options. It needs a sink whose target may differ from row to row: a table has the rows of whole partitions.
 *
 * @module
 */
import { DataError, FatalError, option, type TransformPlugin } from "../api/mod.ts";
import { compileDatePattern } from "./date_pattern.ts";

const OPTIONS = {
  "topic.format": option.string({
    doc: "The name; `${topic}` and `${timestamp}` stand for the topic's name and the timestamp.",
    default: "${topic}-${timestamp}",
    importance: "high",
  }),
  "timestamp.format": option.string({
    doc: "A Java date pattern for the timestamp, in UTC.",
    default: "yyyyMMdd",
    importance: "high",
    check: (text) => {
      const pattern = compileDatePattern(text);
      return typeof pattern === "string" ? pattern : null;
    },
  }),
};

/** The transform of that name. */
export const timestampRouter: TransformPlugin<typeof OPTIONS> = {
  name: "TimestampRouter",
  options: OPTIONS,
  routing: ({ "topic.format": format }) =>
    format.includes("${timestamp}") ? "rows" : (topic) => format.replaceAll("${topic}", () => topic),
  create({ "topic.format": format, "timestamp.format": timestampFormat }) {
    const pattern = compileDatePattern(timestampFormat);
    if (typeof pattern === "string") {
      throw new FatalError(`Cannot make a TimestampRouter: timestamp.format ${pattern}`);
    }
    return {
      apply(batch, reject) {
        const topics: string[] = [];
        for (let row = 0; row < batch.numRows; row++) {
          const topic = batch.routedTopic(row);
          const ms = batch.timestampMs(row);
          const text = ms < 0 ? null : pattern.format(BigInt(ms) * 1000n);
          if (text === null) reject(row, ms < 0 ? noTimestamp(topic) : outOfRange(topic, ms));
          topics.push(format.replaceAll("${topic}", () => topic).replaceAll("${timestamp}", () => text ?? ""));
        }
        return batch.withRoutedTopics(topics);
      },
    };
  },
};

function noTimestamp(topic: string): DataError {
  return new DataError(`Cannot route a record of ${topic} by its timestamp: it has none`, {
    reason: "record has no timestamp",
  });
}

function outOfRange(topic: string, ms: number): DataError {
  return new DataError(
    `Cannot route a record of ${topic} by its timestamp: it is ${ms}, wanted milliseconds since 1970 within a calendar`,
    { reason: "timestamp out of range" },
  );
}
