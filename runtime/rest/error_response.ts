/** An error as Kafka Connect's REST API gives it. */
export function errorResponse(status: number, message: string): Response {
  return Response.json({ error_code: status, message }, { status });
}
