import type { RecordedFunction, RecordedRequest } from './port.ts';
import type { InvocationDetail } from './record.ts';

/** What is the same from request to request. */
export function standingOf({ accessPoint, supporting, caller }: RecordedRequest, fn: RecordedFunction | undefined) {
  const { kind, accountId, arn, accessKeyId } = caller;
  const standing: Pick<InvocationDetail, 'alias' | 'supporting' | 'caller' | 'called'> = {
    ...{ alias: accessPoint.alias, supporting: { name: supporting.name, alias: supporting.alias } },
    ...{ caller: { kind, accountId, arn, accessKeyId }, called: fn && calledOf(fn) },
  };
  return standing;
}

function calledOf(fn: RecordedFunction): RecordedFunction {
  const { name, arn, qualifier, versionId, revision, runtime, handler, timeoutMs, memoryMb, role } = fn;
  return { name, arn, qualifier, versionId, revision, runtime, handler, timeoutMs, memoryMb, role };
}

/** The same as members of a JSON object, for the rest of a record and for its summary. */
export interface StandingTexts {
  readonly rest: string;
  readonly summary: string;
}

interface Known extends StandingTexts {
  readonly accessPoint: object;
}

const unbound = {};
/** By function and caller, for the access point that was asked last. */
const known = new WeakMap<object, WeakMap<object, Known>>();

/** Texts of what is the same from request to request; made once for each function, caller and access point. */
export function standingTexts(request: RecordedRequest, fn: RecordedFunction | undefined): StandingTexts {
  const { accessPoint, bucket, caller } = request;
  let byCaller = known.get(fn ?? unbound);
  if (!byCaller) {
    byCaller = new WeakMap();
    known.set(fn ?? unbound, byCaller);
  }
  const last = byCaller.get(caller);
  if (last?.accessPoint === accessPoint) return last;
  const texts = {
    ...{ accessPoint, rest: JSON.stringify(standingOf(request, fn)).slice(1, -1) },
    summary: JSON.stringify({ accessPoint: accessPoint.name, function: fn?.name ?? '', bucket }).slice(1, -1),
  };
  byCaller.set(caller, texts);
  return texts;
}
