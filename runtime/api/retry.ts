/** Runs `attempt` until it succeeds; a RetriableError is tried again with back-off until a deadline, then is fatal. */
export type Retry = <T>(what: string, attempt: () => Promise<T>) => Promise<T>;
