import type { Bucket } from '../buckets/index.ts';
import type { NamedPolicy } from '../identity/index.ts';

/** An access point: another name for a bucket, with a policy of its own. Never changed once made; a change is a new value. */
export interface AccessPoint {
  readonly name: string;
  readonly bucket: string;
  readonly alias: string;
  /** `acs:oss:<region>:<uid>:accesspoint/<name>` */
  readonly arn: string;
  readonly accountId: string;
  readonly networkOrigin: 'internet' | 'vpc';
  readonly vpcId?: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly status: 'enable';
  /** The policy as it was put, byte for byte. */
  readonly policy?: string;
  readonly blockPublicAccess: boolean;
  /** `policy` parsed and named, ready for identity.authorize; empty without a policy. */
  readonly policies: readonly NamedPolicy[];
}

/** Which requests run which function. */
export interface Transformation {
  readonly actions: readonly string[];
  readonly functionArn: string;
  readonly functionAssumeRoleArn: string;
  /** Headers of the client that are always handed to the function. */
  readonly customForwardHeaders: readonly string[];
  /** Text that every event of this access point carries. */
  readonly payload?: string;
}

/** Limits of one Object FC access point, where they are narrower than those of the settings; what is left out is not limited further. */
export interface ObjectFcLimits {
  /** Requests at work at once. */
  readonly inFlight?: number;
  readonly requestsPerSecond?: number;
  readonly bytesPerSecond?: number;
  /** Milliseconds until the head of an answer. */
  readonly firstByteMs?: number;
  /** Milliseconds without a byte. */
  readonly idleMs?: number;
}

/** What an Object FC access point does with a GetObject. */
export interface ObjectProcess {
  readonly allowedFeatures: readonly string[];
  readonly transformations: readonly Transformation[];
  readonly limits?: ObjectFcLimits;
}

/** An Object FC access point: an access point whose GetObject runs a function. Never changed once made. */
export interface ObjectFcAccessPoint extends ObjectProcess {
  readonly name: string;
  /** The supporting access point. */
  readonly accessPointName: string;
  readonly bucket: string;
  readonly alias: string;
  /** `acs:oss:<region>:<uid>:accesspointforobjectprocess/<name>` */
  readonly arn: string;
  readonly accountId: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly status: 'enable';
  readonly allowAnonymous: boolean;
  readonly blockPublicAccess: boolean;
  /** The policy as it was put, byte for byte. */
  readonly policy?: string;
  /** `policy` parsed and named, ready for identity.authorize; empty without a policy. */
  readonly policies: readonly NamedPolicy[];
}

/** What a name in the place of a bucket stands for. */
export type Resolved =
  | { readonly kind: 'bucket'; readonly bucket: Bucket }
  | { readonly kind: 'access-point'; readonly accessPoint: AccessPoint }
  | { readonly kind: 'object-fc'; readonly objectFc: ObjectFcAccessPoint; readonly supporting: AccessPoint };
