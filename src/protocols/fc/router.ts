import { Fault } from '../../faults/index.ts';
import { operations as operations2 } from './fc2/operations.ts';
import type { ApiVersion, Operation } from './operation.ts';
import { operations } from './operations.ts';

interface Route {
  segments: readonly string[];
  operation: Operation;
}

/** The operation of a request, and what stands in the path where it has `{...}`, decoded. */
export interface Match {
  api: ApiVersion;
  operation: Operation;
  params: Record<string, string>;
}

function routesOf(api: ApiVersion, table: readonly Operation[]): Route[] {
  return table
    .filter(({ versions }) => !versions || versions.includes(api))
    .map((operation) => ({ segments: operation.path.slice(1).split('/'), operation }));
}

/** Every path starts with the version of the API. */
const routes: ReadonlyMap<string, readonly Route[]> = new Map([
  ['2023-03-30', routesOf('2023-03-30', operations)],
  ['2021-04-06', routesOf('2021-04-06', operations2)],
  ['2016-08-15', routesOf('2016-08-15', operations2)],
]);

function fits(route: Route, segments: readonly string[]): boolean {
  return (
    // A tail stands for one segment or more.
    (route.segments.at(-1) === '{*}' ? route.segments.length <= segments.length : route.segments.length === segments.length) &&
    route.segments.every((segment, i) => (segment.startsWith('{') ? segments[i] !== '' || segment === '{*}' : segment === segments[i]))
  );
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new Fault('InvalidURI', 'The path holds a malformed percent-encoding.', { cause });
  }
}

/**
 * Finds the operation of a request.
 * @param path raw, percent-encoded
 * @throws Fault PathNotSupported, MethodNotAllowed, InvalidURI
 */
export function matchOperation(method: string, path: string): Match {
  const [api = '', ...raw] = path.slice(1).split('/');
  const known = raw.length > 0 ? routes.get(api) : undefined;
  if (!known) {
    throw new Fault(
      'PathNotSupported',
      'The control listener speaks the Function Compute API below /2023-03-30/, /2021-04-06/ and /2016-08-15/, and /health/live, /health/ready and /metrics.',
    );
  }
  const segments = raw.map(decoded);
  const fitting = known.filter((route) => fits(route, segments));
  if (fitting.length === 0) throw new Fault('PathNotSupported');
  const found = fitting.find((route) => route.operation.method === method || route.operation.method === '*');
  if (!found) {
    const allow = fitting.map((route) => route.operation.method).join(', ');
    throw new Fault('MethodNotAllowed', `This path takes ${allow}.`, { headers: { Allow: allow } });
  }
  const params = found.segments.flatMap((segment, i) => (segment.startsWith('{') ? [[segment.slice(1, -1), segments[i] ?? '']] : []));
  return { api: api as ApiVersion, operation: found.operation, params: Object.fromEntries(params) as Record<string, string> };
}
