/**
 * The quickstart's configuration: what a `sluice.yaml` of one's own can start from.
 *
 * @module
 */

import type { Services } from "../services/services.ts";
import { CLICK_SCHEMA } from "./records.ts";

/** Where the quickstart's tables are, below the current folder. */
export const LAKE = "./data/lake";

/** What is read. */
export const TOPICS = ["orders", "clicks", "payments"] as const;

/** The instance's name; its consumer group is `connect-quickstart`. */
export const INSTANCE = "quickstart";

/** The YAML, with the addresses of the services that were started. */
export function quickstartConfig({ bootstrap, registryUrl, objectStore }: Services): string {
  const s3 = objectStore === null ? "" : `
    s3.endpoint: ${objectStore.endpoint}
    s3.region: ${objectStore.region}
    s3.access.key.id: ${objectStore.accessKeyId}
    s3.secret.access.key: ${objectStore.secretAccessKey}`;
  return `bootstrap.servers: ${bootstrap}
schema.registry.url: ${registryUrl}
http.listen: "off"
log.level: warn
connectors:
  ${INSTANCE}:
    connector: delta-sink
    topics: [${TOPICS.join(", ")}]
    tasks.max: 2
    value.converter: avro
    table.uri: ${LAKE}/\${topic}${s3}
    commit.interval.ms: 2s
    errors.tolerance: all
    errors.deadletterqueue.topic.name: ${INSTANCE}-dlq
    errors.deadletterqueue.topic.replication.factor: 1
    per.topic:
      orders:
        partition.by: [date(ts)]
        validate.amount.min: 0
      clicks:
        value.converter: json
        value.schema: '${JSON.stringify(CLICK_SCHEMA)}'
        validate.user.required: true
      payments:
        value.converter: protobuf
        partition.by: [date(paid_at)]
        validate.cents.min: 0
`;
}
