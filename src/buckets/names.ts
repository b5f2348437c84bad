import { Fault } from '../faults/index.ts';

const bucketForm = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
/** Aliases of access points share the namespace of bucket names and end like this. */
const reservedEndings = ['-ossalias', '-opapalias', '-opap'];
/** A bucket of this name would have the same ARNs as access points. */
const reservedNames = ['accesspoint', 'accesspointforobjectprocess'];
const maxKeyBytes = 1023;

/** Alibaba OSS API reference, "PutBucket": 3 to 63 of a-z, 0-9 and -, no - at either end. @throws Fault InvalidBucketName */
export function checkBucketName(name: string): void {
  if (!bucketForm.test(name)) {
    throw new Fault('InvalidBucketName', 'A bucket name has 3 to 63 lower-case letters, digits and hyphens, and no hyphen at either end.', {
      extra: { BucketName: name },
    });
  }
  if (reservedNames.includes(name)) {
    throw new Fault('InvalidBucketName', `The name ${name} stands for access points in ARNs. Choose another bucket name.`, {
      extra: { BucketName: name },
    });
  }
  const reserved = reservedEndings.find((ending) => name.endsWith(ending));
  if (reserved) {
    throw new Fault('InvalidBucketName', `Names that end in ${reserved} belong to access points. Choose another bucket name.`, {
      extra: { BucketName: name },
    });
  }
}

/** Alibaba OSS API reference, "Object": 1 to 1023 bytes of UTF-8, not starting with / or \. @throws Fault InvalidObjectName */
export function checkKey(key: string): void {
  // A UTF-16 unit is at least one byte and at most three, so most keys need no counting.
  const fits = key.length > 0 && (key.length <= maxKeyBytes / 3 || Buffer.byteLength(key) <= maxKeyBytes);
  if (fits && key[0] !== '/' && key[0] !== '\\' && key.isWellFormed()) return;
  throw new Fault('InvalidObjectName', 'An object name has 1 to 1023 bytes of UTF-8 and does not start with / or \\.');
}
