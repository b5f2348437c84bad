/** How a function wants its asynchronous invocations. */
export interface AsyncSettings {
  /** Further attempts after a failure of the function. */
  retries: number;
  maxAgeMs: number;
  /** Keep the record of a task after its end. */
  keep: boolean;
  /** ARNs. */
  onSuccess?: string | undefined;
  onFailure?: string | undefined;
}

const defaultRetries = 3;
const defaultAgeSeconds = 86_400;

/** The settings that a PutAsyncInvokeConfigInput asks for, or the vendor's defaults (three more attempts, one day). */
export function asyncSettings(config: Record<string, unknown> | undefined): AsyncSettings {
  const { maxAsyncRetryAttempts: retries, maxAsyncEventAgeInSeconds: age, asyncTask, destinationConfig } = config ?? {};
  const destinations = (destinationConfig ?? {}) as Partial<Record<'onSuccess' | 'onFailure', { destination?: string } | null>>;
  return {
    retries: typeof retries === 'number' ? retries : defaultRetries,
    maxAgeMs: (typeof age === 'number' ? age : defaultAgeSeconds) * 1000,
    keep: asyncTask === true,
    onSuccess: destinations.onSuccess?.destination,
    onFailure: destinations.onFailure?.destination,
  };
}
