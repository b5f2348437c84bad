import { z } from 'zod';
import { Fault } from '../../faults/index.ts';
import type { PageQuery } from '../../identity/index.ts';
import { type Call, param } from './call.ts';

/** A policy as JSON, or as the text of JSON. */
export const policyText = z
  .union([z.string(), z.record(z.string(), z.unknown())])
  .transform((value) => (typeof value === 'string' ? value : JSON.stringify(value)));

/** Reads the body. Fields that do not exist are refused, so that a mistyped one is not lost in silence. @throws Fault InvalidArgument */
export function input<T extends z.ZodType>(call: Call, schema: T): z.output<T> {
  const result = schema.safeParse(call.body ?? {});
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => {
    const path = issue.path.join('.');
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
  throw new Fault('InvalidArgument', `The body is not right. ${faults.join('; ')}.`);
}

/** prefix, limit and next of a list. @throws Fault InvalidArgument */
export function pageQuery(call: Call): PageQuery {
  const [prefix, limit, next] = [param(call, 'prefix'), param(call, 'limit'), param(call, 'next')];
  if (limit !== undefined && !/^\d{1,4}$/.test(limit)) throw new Fault('InvalidArgument', 'limit must be 1 to 1000.');
  return {
    ...(prefix === undefined ? {} : { prefix }),
    ...(limit === undefined ? {} : { limit: Number(limit) }),
    ...(next === undefined ? {} : { next }),
  };
}

/** Epoch milliseconds as ISO 8601. */
export function time(ms: number): string {
  return new Date(ms).toISOString();
}
