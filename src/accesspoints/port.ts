import type { BucketGuard, Store } from '../buckets/index.ts';
import type { Metadata } from '../metadata/index.ts';
import type { Page, PageRequest } from './page.ts';
import type { ObjectProcessInput } from './process.ts';
import type { AccessPoint, ObjectFcAccessPoint, Resolved } from './record.ts';

/** How many there may be; the vendor's figures are 1,000 in an account and 100 on a bucket, for either kind. */
export interface AccessPointLimits {
  readonly perAccount: number;
  readonly perBucket: number;
}

export interface AccessPointsOptions {
  readonly metadata: Metadata;
  readonly buckets: Pick<Store, 'bucket'>;
  readonly accountId: string;
  readonly region: string;
  readonly limits?: Partial<AccessPointLimits>;
}

export interface AccessPointInput {
  readonly name: string;
  readonly networkOrigin: 'internet' | 'vpc';
  /** Needed for `vpc`. */
  readonly vpcId?: string;
}

export interface ObjectFcInput extends ObjectProcessInput {
  readonly name: string;
  /** The supporting access point, which must be on the same bucket. */
  readonly accessPointName: string;
  readonly allowAnonymous?: boolean;
}

export interface ObjectFcChange extends ObjectProcessInput {
  readonly allowAnonymous?: boolean;
  readonly blockPublicAccess?: boolean;
}

/**
 * Access points and Object FC access points. Changes are durable when their promise resolves. Operations that name a bucket throw
 * Fault NoSuchBucket when it does not exist, and NoSuchAccessPoint or NoSuchAccessPointForObjectProcess when the point is not on it.
 */
export interface AccessPoints {
  /** What a name in the place of a bucket stands for: one namespace of buckets and aliases. Costs no query. */
  resolve(name: string): Resolved | undefined;
  /** What the first label of an endpoint's host stands for: `<name>-<uid>`, for Object FC access points also `<name>-<uid>-opap`. */
  resolveEndpoint(label: string, kind: 'access-point' | 'object-fc'): Resolved | undefined;

  /** @throws Fault InvalidArgument, AccessPointAlreadyExists, TooManyAccessPoints */
  create(bucket: string, input: AccessPointInput): Promise<AccessPoint>;
  get(bucket: string | undefined, name: string): AccessPoint;
  /** In order of names; max-keys to 1,000, to 100 for one bucket. @throws Fault InvalidArgument */
  list(request: PageRequest & { bucket?: string }): Page<AccessPoint>;
  /** @throws Fault AccessPointInUse naming the Object FC access points that it supports */
  remove(bucket: string, name: string): Promise<void>;
  /** Puts a policy, kept byte for byte, or removes it. @throws Fault InvalidArgument */
  setPolicy(bucket: string, name: string, policy: string | undefined): Promise<void>;
  setPublicAccessBlock(bucket: string, name: string, block: boolean): Promise<void>;

  /** @throws Fault InvalidArgument, NoSuchAccessPoint, AccessPointForObjectProcessAlreadyExists, TooManyAccessPointsForObjectProcess */
  createObjectFc(bucket: string, input: ObjectFcInput): Promise<ObjectFcAccessPoint>;
  getObjectFc(bucket: string | undefined, name: string): ObjectFcAccessPoint;
  /** In order of names; max-keys to 1,000. @throws Fault InvalidArgument */
  listObjectFc(request: PageRequest): Page<ObjectFcAccessPoint>;
  removeObjectFc(bucket: string, name: string): Promise<void>;
  /** Changes what is given; features and transformations are replaced together. @throws Fault InvalidArgument */
  configureObjectFc(bucket: string, name: string, change: ObjectFcChange): Promise<ObjectFcAccessPoint>;
  /** Puts a policy, kept byte for byte, or removes it. @throws Fault InvalidArgument */
  setObjectFcPolicy(bucket: string, name: string, policy: string | undefined): Promise<void>;

  /** Names of the access points that keep a bucket from being deleted, in order. */
  blocking(bucket: string): string[];
  /** For the store's deleteBucket: holds while no access point is on the bucket, else Fault BucketNotEmpty names them. */
  deletionGuard(bucket: string): BucketGuard;
}
