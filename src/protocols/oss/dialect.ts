import type { Resolved } from '../../accesspoints/index.ts';
import { type Fault, toFault } from '../../faults/index.ts';
import type { Dialect, RequestContext } from '../../http/index.ts';
import { readOssClaim } from '../../signing/index.ts';
import { admit } from './admission.ts';
import { Call, type OssRooms } from './call.ts';
import { sendKey } from './callback-signing.ts';
import { admitOrigin, preflight } from './cors.ts';
import { authenticate, type Caller, unsigned } from './guard.ts';
import { hostReader, type Placement } from './host.ts';
import type { Level, Operation } from './operation.ts';
import { type Match, matchOperation, presentSelectors } from './operations.ts';
import { recordRefusal } from './recorded.ts';
import { type Candidate, candidatesOf, type Directory } from './resolution.ts';
import { renderFault } from './respond.ts';
import { bucketBehind } from './sides.ts';
import { asPage } from './website.ts';
import { answerSelector } from './write-get-object-response.ts';

/** Most names tried against the signature of a client whose host names its bucket nowhere. */
const namesTried = 100;

/** What the holder of a session reads without signing for it. */
export interface ReadTarget {
  /** Bucket name or alias. */
  readonly name: string;
  readonly key: string;
  readonly credentials: { readonly accessKeyId: string; readonly securityToken: string };
}

/** The OSS dialect over these rooms, for any number of listeners. */
export function createOssDialect(rooms: OssRooms): OssDialect {
  return new OssDialect(rooms);
}

export class OssDialect implements Dialect {
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
    if (!isAnswer(ctx, selectors)) return this.#serve(ctx, selectors, false);
    try {
      return this.#serve(ctx, selectors, true);
    } catch (error) {
      recordRefusal(ctx, this.#rooms.transforms, toFault(error));
      throw error;
    }
  }

  #serve(ctx: RequestContext, selectors: readonly string[], answers: boolean): Promise<void> | undefined {
    const placement = this.#place(ctx.host);
    const { callbackSigning } = this.#rooms;
    if (callbackSigning?.keyPath === ctx.path && placement.kind !== 'virtual' && ctx.method === 'GET') return sendKey(ctx, callbackSigning);
    const read = answers ? answerCandidates(placement) : candidatesOf(placement, ctx.path, this.#directory);
    const candidates = asPage(ctx, this.#rooms, read.length > 1 && isUnsigned(ctx) ? [this.#meant(placement, read)] : read);
    const first = candidates[0] as Candidate;
    if (ctx.method === 'OPTIONS' && first.bucket !== undefined) return this.#preflight(ctx, this.#meant(placement, read));
    let matched = matchOperation(levelOf(first), ctx.method, selectors, ctx.headers);
    ctx.operation = matched.name;
    const inBody = isSignedInBody(matched);
    const caller = inBody ? this.#nobody(first) : authenticate(ctx, this.#rooms, candidates, { selectors, allowUnsignedSelector: answers });
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
    if (!inBody) admit(call, caller.signed);
    return call.operation.run(call) ?? undefined;
  }

  /**
   * GetObject for a request from inside of the server, which proves by where it comes from that it holds the session. All else is as over HTTP: what
   * the session may do is asked, and the read is written down.
   * @throws Fault as GetObject does
   */
  read(ctx: RequestContext, { name, key, credentials }: ReadTarget): Promise<void> | undefined {
    const credential = this.#rooms.identity.credential(credentials.accessKeyId, credentials.securityToken);
    if ('fault' in credential) throw credential.fault;
    const operation = implemented(matchOperation('object', 'GET', [], ctx.headers));
    ctx.operation = operation.name;
    const resolved = this.#rooms.accesspoints.resolve(name);
    const { principal } = credential;
    const call = new Call({ ctx, rooms: this.#rooms, operation, principal, presigned: true, ownDomain: true, name, key, resolved });
    ctx.audited = call;
    admit(call, true);
    return operation.run(call) ?? undefined;
  }

  /** Who calls before the body has told it. */
  #nobody(candidate: Candidate): Caller {
    return { principal: this.#rooms.identity.anonymous, presigned: false, signed: false, candidate };
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

function isSignedInBody(match: Match): boolean {
  return 'signedInBody' in match;
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
