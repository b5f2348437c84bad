import { z } from 'zod';
import { Fault } from '../faults/index.ts';
import type { CustomRuntime } from './record.ts';

/** The port that the server of a custom runtime listens on, when its settings name none (Function Compute, "Custom runtimes"). */
const defaultPort = 9000;

const seconds = z.int().min(0).max(120);

const healthCheck = z.object({
  httpGetUrl: z
    .string()
    .regex(/^\/[\x21-\x7e]{0,2047}$/, 'must be a path, such as /health')
    .nullish(),
  initialDelaySeconds: seconds.nullish(),
  periodSeconds: seconds.min(1).nullish(),
  timeoutSeconds: seconds.min(1).nullish(),
  failureThreshold: z.int().min(1).max(120).nullish(),
  successThreshold: z.int().min(1).max(120).nullish(),
});

const words = z
  .array(
    z
      .string()
      .min(1)
      .max(4096)
      .regex(/^[^\0]*$/, 'cannot hold a NUL character'),
  )
  .max(100);

/** CustomRuntimeConfig of Function Compute 3.0. */
export const customInput = z.object({
  command: words.nullish(),
  args: words.nullish(),
  port: z.int().min(1).max(65_535).nullish(),
  healthCheckConfig: healthCheck.nullish(),
});

/** How the server of a custom runtime is started and asked, from a CustomRuntimeConfig that was checked. */
export function customOf(config: unknown): CustomRuntime {
  const { command, args, port, healthCheckConfig: check } = customInput.parse(config ?? {});
  const program = command?.length || !args?.length ? (command ?? []) : ['./bootstrap'];
  const plain = { command: [...program, ...(args ?? [])], port: port ?? defaultPort };
  if (!check?.httpGetUrl) return plain;
  return {
    ...plain,
    healthCheck: {
      path: check.httpGetUrl,
      initialDelayMs: (check.initialDelaySeconds ?? 0) * 1000,
      periodMs: (check.periodSeconds ?? 3) * 1000,
      timeoutMs: (check.timeoutSeconds ?? 1) * 1000,
      failureThreshold: check.failureThreshold ?? 3,
      successThreshold: check.successThreshold ?? 1,
    },
  };
}

/**
 * The URL that takes the place of a container image: images are not run.
 * @throws Fault InvalidArgument unless customContainerConfig.image is an http or https URL
 */
export function imageUrl(config: unknown): string {
  const image = config !== null && typeof config === 'object' && 'image' in config ? config.image : undefined;
  const url = typeof image === 'string' && /^https?:\/\//i.test(image) ? URL.parse(image) : null;
  if (!url) {
    throw new Fault(
      'InvalidArgument',
      'customContainerConfig.image: images are not run; give the URL of a running server (http:// or https://)',
    );
  }
  if (url.username || url.password || url.hash || url.search) {
    throw new Fault('InvalidArgument', 'customContainerConfig.image: the URL may have no user, password, query or fragment');
  }
  return url.href;
}
