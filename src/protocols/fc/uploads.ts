import { parsePolicy } from '../../identity/index.ts';
import { randomHex } from '../../kit/index.ts';
import { type Answer, type Call, type FcRooms, isoTime } from './call.ts';

const roleName = 'SluiceCodeUploadRole';
const service = 'fc.aliyuncs.com';
/** Bytes of one package (the limit of the functions). */
export const codeSizeLimit = 500 * 1024 * 1024;
const validMs = 30 * 60_000;
/** A package that nobody has deployed for so long is removed. */
const forgottenMs = 24 * 3_600_000;
const sweptAtOnce = 1_000;

/** The bucket of packages that are on their way. */
export function uploadBucket({ identity }: Pick<FcRooms, 'identity'>): string {
  return `fc-code-${identity.accountId}`;
}

/**
 * GetTempBucketToken and GetTempCodeBucketToken: credentials that may put one object of a random name, for half an hour (fc3 component,
 * uploadCodeToTmpOss; fc2 SDK, getTempBucketToken).
 */
export async function giveUploadToken({ ctx, rooms }: Call): Promise<Answer> {
  const { identity, region } = rooms;
  const bucket = uploadBucket(rooms);
  await prepare(rooms, bucket);
  await forgetOldUploads(rooms, ctx.startedAt);
  const objectName = randomHex(16);
  const resource = `acs:oss:*:*:${bucket}/*/${objectName}`;
  const policy = parsePolicy(
    JSON.stringify({ Version: '1', Statement: [{ Effect: 'Allow', Action: ['oss:PutObject'], Resource: [resource] }] }),
  );
  const session = identity.assume(roleName, { sessionName: objectName, ttlMs: validMs, claims: { policy }, service });
  const credentials = {
    AccessKeyId: session.accessKeyId,
    AccessKeySecret: session.accessKeySecret,
    SecurityToken: session.securityToken,
    Expiration: isoTime(session.expiresAt),
  };
  return { status: 200, body: { credentials, ossRegion: `oss-${region}`, ossBucket: bucket, objectName, codeSizeLimit } };
}

/** Removes a package that was deployed from the bucket of uploads; one in any other bucket is the user's. */
export async function forgetUpload(rooms: FcRooms, bucket: string, key: string): Promise<void> {
  if (bucket === uploadBucket(rooms)) await rooms.buckets.delete(bucket, key);
}

async function prepare({ identity, buckets, region }: FcRooms, bucket: string): Promise<void> {
  if (!identity.role(roleName)) {
    const trust = { Version: '1', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: [service] } }] };
    const document = { Version: '1', Statement: [{ Effect: 'Allow', Action: ['oss:PutObject'], Resource: [`acs:oss:*:*:${bucket}/*`] }] };
    await identity.putRole({
      name: roleName,
      trust: parsePolicy(JSON.stringify(trust), 'trust'),
      policies: [{ name: `${roleName}Policy`, document: parsePolicy(JSON.stringify(document)) }],
    });
  }
  if (!buckets.bucket(bucket)) {
    await buckets.createBucket({
      name: bucket,
      owner: identity.accountId,
      region,
      acl: 'private',
      storageClass: 'Standard',
      redundancy: 'LRS',
    });
  }
}

/** Removes packages that were uploaded and never deployed. @param now epoch milliseconds */
async function forgetOldUploads(rooms: FcRooms, now: number): Promise<void> {
  const bucket = uploadBucket(rooms);
  if (!rooms.buckets.bucket(bucket)) return;
  const { objects } = rooms.buckets.list({ bucket, prefix: '', delimiter: '', after: '', maxKeys: sweptAtOnce });
  const old = objects.filter((object) => object.modifiedAt < now - forgottenMs).map(({ key }) => ({ key }));
  if (old.length > 0) await rooms.buckets.deleteMany(bucket, old);
}
