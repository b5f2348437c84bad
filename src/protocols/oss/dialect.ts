import type { Resolved } from '../../accesspoints/index.ts';
import { Fault } from '../../faults/index.ts';
import type { Dialect, RequestContext } from '../../http/index.ts';
import { readOssClaim } from '../../signing/index.ts';
import { Call, noSuchBucket, type OssRooms } from './call.ts';
import { admitOrigin, preflight } from './cors.ts';
import { admitAnonymous, authenticate, authorize, checkSession, unsigned } from './guard.ts';
import { hostReader, type Placement } from './host.ts';
import type { Level, Operation } from './operation.ts';
import { type Match, matchOperation, presentSelectors } from './operations.ts';
import { checkReferer } from './referer.ts';
import { type Candidate, candidatesOf, type Directory } from './resolution.ts';
import { renderFault } from './respond.ts';
import { bucketBehind } from './sides.ts';
import { answerSelector } from './write-get-object-response.ts';

/** Most names tried against the signature of a client whose host names its bucket nowhere. */
const namesTried = 100;

/** The OSS dialect over these rooms, for any number of listeners. */
export function createOssDialect(rooms: OssRooms): Dialect {
  return new OssDialect(rooms);
}

class OssDialect implements Dialect {
  readonly name = 'oss';
  readonly #rooms: OssRooms;
  readonly #place: (host: string) => Placement;
  readonly #directory: Directory;

  constructor(rooms: OssRooms) {
    this.#rooms = rooms;
    this.#place = hostReader(rooms.domains ?? []);
    this.#directory = directoryOf(rooms);
  }

  handle(ctx: RequestContext): Promise<void> | undefined {
    const selectors = presentSelectors(ctx);
    const answers = isAnswer(ctx, selectors);
    const placement = this.#place(ctx.host);
    const read = answers ? answerCandidates(placement) : candidatesOf(placement, ctx.path, this.#directory);
    const candidates = read.length > 1 && isUnsigned(ctx) ? [this.#meant(placement, read)] : read;
    const first = candidates[0] as Candidate;
    if (ctx.method === 'OPTIONS' && first.bucket !== undefined) return this.#preflight(ctx, this.#meant(placement, read));
    let matched = matchOperation(levelOf(first), ctx.method, selectors, ctx.headers);
    ctx.operation = matched.name;
    const caller = authenticate(ctx, this.#rooms, candidates, { selectors, allowUnsignedSelector: answers });
    if (!caller.signed && 'fault' in matched) throw unsigned();
    if (caller.candidate !== first) {
      matched = matchOperation(answers ? 'service' : levelOf(caller.candidate), ctx.method, selectors, ctx.headers);
      ctx.operation = matched.name;
    }
    const { bucket: name = '', key = '', resolved } = caller.candidate;
    const call = new Call({
      ctx,
      rooms: this.#rooms,
      operation: implemented(matched),
      principal: caller.principal,
      presigned: caller.presigned,
      ownDomain: placement.ownDomain ?? false,
      name: answers ? '' : name,
      key,
      resolved: resolved ?? (name === '' ? undefined : this.#rooms.accesspoints.resolve(name)),
    });
    ctx.audited = call;
    if (ctx.headers.origin !== undefined) admitOrigin(ctx, bucketBehind(this.#rooms, call.resolved));
    if (caller.signed) ctx.charge(call.accessKeyId);
    else admitAnonymous(call);
    checkSession(call);
    checkReach(call);
    authorize(call);
    checkReferer(call, caller.signed);
    if (call.resolved === undefined && call.operation.level !== 'service' && call.operation.name !== 'PutBucket') throw noSuchBucket(name);
    return call.operation.run(call) ?? undefined;
  }

  /** A browser's question, for a bucket or what stands for one. */
  #preflight(ctx: RequestContext, { bucket: name = '', resolved }: Candidate): undefined {
    ctx.operation = 'OptionObject';
    preflight(ctx, bucketBehind(this.#rooms, resolved ?? this.#rooms.accesspoints.resolve(name)));
  }

  /** What a request without a signature means: nothing says which of the readings it is, so the host must name the bucket, or the path. */
  #meant(placement: Placement, candidates: readonly Candidate[]): Candidate {
    const [first, second] = candidates as [Candidate, Candidate?];
    if (!second) return first;
    const named = placement.kind === 'unknown' && placement.label !== undefined && second.bucket === placement.label;
    const known = ({ bucket }: Candidate) => bucket !== undefined && this.#directory.known(bucket);
    return named && !known(first) && known(second) ? second : first;
  }

  fault(ctx: RequestContext, fault: Fault): { status: number; headers: Record<string, string>; body: string } {
    return renderFault(ctx, fault);
  }
}

function isUnsigned(ctx: RequestContext): boolean {
  return readOssClaim(ctx) === undefined;
}

function implemented(match: Match): Operation {
  if ('fault' in match) throw match.fault;
  return match;
}

function levelOf({ bucket, key }: Candidate): Level {
  if (bucket === undefined) return 'service';
  return key === undefined ? 'bucket' : 'object';
}

/** WriteGetObjectResponse is taken at the root of any host: SDKs send it to the route, to their endpoint, or to a region's. */
function isAnswer(ctx: RequestContext, selectors: readonly string[]): boolean {
  return ctx.method === 'POST' && (ctx.path === '/' || ctx.path === '') && selectors.includes(answerSelector);
}

function answerCandidates(placement: Placement): Candidate[] {
  return placement.kind === 'virtual' ? [{}, { bucket: placement.name }] : [{}];
}

/** Refuses what an alias does not offer. @throws Fault AccessDenied */
function checkReach({ resolved, operation, name }: Call): void {
  if (resolved === undefined || resolved.kind === 'bucket') return;
  if (resolved.kind === 'access-point') {
    if (operation.throughAccessPoint) return;
    throw new Fault('AccessDenied', `${operation.name} is not available through the access point alias ${name}. Use the bucket's name.`);
  }
  if (operation.throughObjectFc) return;
  throw new Fault(
    'AccessDenied',
    `An Object FC access point serves GetObject, HeadObject and GetObjectMeta only, so that the original cannot leak; ${operation.name} through ${name} is refused.`,
  );
}

function directoryOf({ accesspoints, store, identity }: OssRooms): Directory {
  // The Function Compute dialect makes it when a deploy tool asks for a place.
  const uploads = `fc-code-${identity.accountId}`;
  return {
    uploads: (first) => (/^\d{5,20}$/.test(first) && store.bucket(first) === undefined && store.bucket(uploads) ? uploads : undefined),
    known: (name) => accesspoints.resolve(name) !== undefined,
    endpoint: (label, point): Resolved | undefined => accesspoints.resolveEndpoint(label, point),
    names: () => [
      ...store.listBuckets({ prefix: '', marker: '', maxKeys: namesTried }).buckets.map((bucket) => bucket.name),
      ...accesspoints.list({ maxKeys: namesTried }).accessPoints.map((point) => point.alias),
      ...accesspoints.listObjectFc({ maxKeys: namesTried }).accessPoints.map((point) => point.alias),
    ],
  };
}
