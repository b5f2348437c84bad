/** The one place that reads the clock and arms timers; everything else receives times as values or calls these. */
import type { Signal } from './signal.ts';

/** Wall clock in epoch milliseconds. */
export function now(): number {
  return Date.now();
}

/** Milliseconds of a clock that never jumps; only differences mean anything. */
export function monotonic(): number {
  return performance.now();
}

export interface Timer {
  /** Disarms the timer; harmless after it fired. */
  cancel(): void;
}

/** Calls `fn` once after `ms` milliseconds. The timer does not keep the process alive. */
export function after(ms: number, fn: () => void): Timer {
  const handle = setTimeout(fn, Math.min(ms, 0x7fffffff));
  handle.unref();
  return { cancel: () => clearTimeout(handle) };
}

/** Calls `fn` every `ms` milliseconds until cancelled. The timer does not keep the process alive. */
export function every(ms: number, fn: () => void): Timer {
  const handle = setInterval(fn, ms);
  handle.unref();
  return { cancel: () => clearInterval(handle) };
}

/** Resolves after `ms` milliseconds; rejects with the signal's reason if it aborts first. Keeps the process alive. */
export function sleep(ms: number, signal?: Signal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(handle);
      reject(signal?.reason);
    };
    const handle = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

let datedSecond = 0;
let dated = '';

/** `ms` as an IMF-fixdate (RFC 9110 section 5.6.7), e.g. "Sun, 06 Nov 1994 08:49:37 GMT"; the last second is remembered. */
export function httpDate(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== datedSecond) {
    dated = new Date(second * 1000).toUTCString();
    datedSecond = second;
  }
  return dated;
}
