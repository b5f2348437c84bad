import { type AccessPoints, passthrough, type Resolved } from '../../accesspoints/index.ts';
import type { Bucket, Store } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import type { Audited, RequestContext } from '../../http/index.ts';
import type { Identity, Principal } from '../../identity/index.ts';
import type { Instances } from '../../instances/index.ts';
import type { Outgoing } from '../../kit/index.ts';
import type { RelayLimits, Transforms } from '../../transforms/index.ts';
import type { CallbackSigning } from './callback-signing.ts';
import type { Operation } from './operation.ts';
import { pointOf } from './sides.ts';

/** What the dialect is built over. */
export interface OssRooms {
  readonly identity: Pick<Identity, 'accountId' | 'anonymous' | 'credential' | 'authorize' | 'decide' | 'used'>;
  readonly accesspoints: AccessPoints;
  readonly store: Store;
  readonly transforms: Pick<Transforms, 'getObject' | 'answer' | 'isOpen' | 'refused' | 'recordOf'>;
  /** Makes the requests of callbacks; without it there are none. */
  readonly callbacks?: Pick<Outgoing, 'check' | 'request'>;
  /** Processes pictures, and carries them to clients of any speed; without it none are processed. */
  readonly images?: Pick<Instances, 'render'> & { readonly relay: RelayLimits };
  /** Signs callbacks; without it they are not signed. */
  readonly callbackSigning?: CallbackSigning | undefined;
  /** How long restoring an archived object takes, milliseconds; no time when left out. */
  readonly restoreMs?: number;
  /** Region that the server answers for, e.g. `cn-qingdao`. */
  readonly region: string;
  /** Host names of the server; names below them are buckets. */
  readonly domains?: readonly string[];
  /** Endpoints shown in listings; those of the region when left out. */
  readonly endpoints?: { readonly public: string; readonly internal: string };
}

/** One admitted request: who calls what on which name. */
export class Call implements Audited {
  readonly ctx: RequestContext;
  readonly rooms: OssRooms;
  readonly operation: Operation;
  readonly principal: Principal;
  /** True when the credentials came in the query. */
  readonly presigned: boolean;
  /** True when the client used one of the server's own domains. */
  readonly ownDomain: boolean;
  /** Bucket name or alias as the client wrote it; '' at service level. */
  readonly name: string;
  /** '' below object level. */
  readonly key: string;
  readonly resolved: Resolved | undefined;

  constructor(parts: Pick<Call, 'ctx' | 'rooms' | 'operation' | 'principal' | 'presigned' | 'ownDomain' | 'name' | 'key' | 'resolved'>) {
    this.ctx = parts.ctx;
    this.rooms = parts.rooms;
    this.operation = parts.operation;
    this.principal = parts.principal;
    this.presigned = parts.presigned;
    this.ownDomain = parts.ownDomain;
    this.name = parts.name;
    this.key = parts.key;
    this.resolved = parts.resolved;
  }

  /** For the audit log. */
  get actor(): string {
    return this.principal.arn;
  }

  get accessKeyId(): string {
    return this.principal.accessKeyId;
  }

  get resource(): string {
    return this.key === '' ? this.name : `${this.name}/${this.key}`;
  }

  get changes(): boolean {
    const { method, name } = this.operation;
    return method !== 'GET' && method !== 'HEAD' && name !== 'WriteGetObjectResponse';
  }

  /** The bucket that the name stands for, itself or behind an access point; behind an Object FC access point where it lets requests through. @throws Fault NoSuchBucket */
  get bucket(): Bucket {
    const { resolved } = this;
    if (resolved?.kind === 'bucket') return resolved.bucket;
    const closed = resolved?.kind === 'object-fc' && !resolved.objectFc.allowedFeatures.includes(passthrough);
    const point = closed ? undefined : pointOf(resolved);
    const behind = point && this.rooms.store.bucket(point.bucket);
    if (!behind) throw noSuchBucket(this.name);
    return behind;
  }

  /** Value of a query parameter, decoded; undefined when absent. */
  param(name: string): string | undefined {
    if (this.ctx.rawQuery === '') return undefined;
    for (const param of this.ctx.query) if (param.name === name) return param.value;
    return undefined;
  }

  /** Value of a header; repeated ones joined by node:http. */
  header(name: string): string | undefined {
    const value = this.ctx.headers[name];
    return typeof value === 'string' ? value : value?.join(',');
  }

  /** The names of all headers, in lower case. */
  headerNames(): Iterable<string> {
    return Object.keys(this.ctx.headers);
  }
}

/** The fault for a name that is neither a bucket nor an alias. */
export function noSuchBucket(name: string): Fault {
  return new Fault('NoSuchBucket', undefined, { extra: { BucketName: name } });
}
