import { percentEncodePath, utf8Bytes } from './bytes.ts';

/** What a request may mean by its host and path; names and keys decoded. No bucket means the service itself. */
export interface ResourceCandidate {
  bucket?: string;
  key?: string;
}

/** The resource in a V1 string to sign: decoded, UTF-8. */
export function plainResource({ bucket, key = '' }: ResourceCandidate): string {
  return bucket === undefined ? '/' : utf8Bytes(`/${bucket}/${key}`);
}

/** The resource in a V4 canonical request, and in a path-style URL. */
export function encodedResource({ bucket, key = '' }: ResourceCandidate): string {
  return bucket === undefined ? '/' : percentEncodePath(`/${bucket}/${key}`);
}
