export type ZipReason =
  | 'malformed'
  | 'encrypted'
  | 'method'
  | 'name'
  | 'duplicate'
  | 'type'
  | 'link'
  | 'overlap'
  | 'entries'
  | 'bytes'
  | 'ratio'
  | 'checksum';

/** A ZIP that we do not unpack; `reason` is for programs, the message for people. */
export class ZipError extends Error {
  override readonly name = 'ZipError';
  readonly reason: ZipReason;
  constructor(reason: ZipReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}
