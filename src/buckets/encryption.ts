/** The name among an object's headers that says how its bytes are encrypted on the disk; without it they are not. */
const name = 'encryption';

/** Encryption at rest: AES-256 with a key of the server's own. */
export type Encryption = 'AES256';

type Headers = Readonly<Record<string, string>>;

/** Whether the bytes of what has these headers are encrypted on the disk. */
export function isSealed(headers: Headers): boolean {
  return headers[name] !== undefined;
}

/** The headers of something that is encrypted so, or not at all. */
export function withEncryption(headers: Headers, encryption: Encryption | undefined): Record<string, string> {
  const { [name]: _, ...others } = headers;
  return encryption === undefined ? others : { ...others, [name]: encryption };
}
