/**
 * What the fault proxy answers in place of the server, and what it leaves of the server's answers.
 *
 * @module
 */
import { answerFraming, type Head, type HttpReader, requestFraming, writeAll } from "./s3_fault_proxy_http.ts";
import type { S3Request } from "./s3_fault_proxy_plan.ts";

/** A request in the middle of its way. */
export interface Exchange {
  readonly client: Deno.Conn;
  readonly reader: HttpReader;
  readonly head: Head;
  readonly request: S3Request;
}

/** The server's answer, of which the head was read. */
export interface Answer {
  readonly conn: Deno.Conn;
  readonly reader: HttpReader;
  readonly head: Head;
  /** Whether all of the request was sent by now. */
  readonly isSent: () => boolean;
}

/** Answers with an error. A body that still comes is read first: ending the connection before would destroy the answer. */
export async function refuse(exchange: Exchange, status: number, code: string, isRead = false): Promise<boolean> {
  const { client, request, reader, head } = exchange;
  const waits = head.headers.has("expect"); // for leave to send its body, which it now does not get
  if (!isRead && !waits) await drain(reader.body(requestFraming(head)));
  const text = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>Injected</Message></Error>`;
  const lines = [`HTTP/1.1 ${status} ${code}`, "content-type: application/xml", `content-length: ${text.length}`];
  if (waits) lines.push("connection: close");
  const body = request.method === "HEAD" ? "" : text;
  await writeAll(client, new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n${body}`));
  return !waits;
}

/** Half of the answer; where it has no body, half of its head; where it is in chunks, without the last one. */
export async function tear(
  client: Deno.Conn,
  answer: Answer,
  method: string,
  fault: "torn" | "torn-chunked" | "cut",
): Promise<void> {
  const { head: { raw }, reader } = answer;
  const framing = answerFraming(answer.head, method);
  if (framing === "none") return await writeAll(client, raw.subarray(0, raw.length >> 1));
  let left = typeof framing === "object" ? framing.length >> 1 : Infinity;
  const isRewritten = fault !== "torn" && typeof framing === "object";
  if (isRewritten) {
    const head = new TextDecoder().decode(raw).replace(/^content-length:.*\r\n/im, "").trimEnd();
    const start = `${head}\r\ntransfer-encoding: chunked\r\n\r\n${left.toString(16)}\r\n`;
    await writeAll(client, new TextEncoder().encode(start));
  } else await writeAll(client, raw);
  let held: Uint8Array = new Uint8Array(0);
  for await (const part of reader.body(framing)) {
    await writeAll(client, held);
    held = part.subarray(0, left);
    left -= held.length;
    if (left === 0) break;
  }
  if (typeof framing === "object") await writeAll(client, held);
  if (isRewritten) await writeAll(client, new TextEncoder().encode(fault === "cut" ? "\r\n0\r\n\r\n" : "\r\n"));
}

export async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body);
}

export async function* nothing(): AsyncGenerator<Uint8Array> {}
