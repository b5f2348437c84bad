const imagePrefix = 'imageInfo.';

/** The variables `imageInfo.*`. */
export interface CallbackImage {
  readonly width: number;
  readonly height: number;
  readonly format: string;
}

/** What a callback can tell of an object, by the names of the vendor's variables. */
export interface CallbackFacts {
  readonly bucket: string;
  readonly object: string;
  readonly etag: string;
  readonly size: number;
  readonly mimeType: string;
  readonly crc64: string;
  readonly contentMd5: string;
  readonly vpcId: string;
  readonly clientIp: string;
  readonly reqId: string;
  readonly operation: string;
  /** Of a picture. */
  readonly image: CallbackImage | undefined;
  /** Custom ones, by their whole names. */
  readonly variables: ReadonlyMap<string, string>;
}

/**
 * The body of a callback: the template with its variables filled in, percent-encoded or as JSON values (Alibaba OSS API reference, "Callback").
 * A variable that is not known, such as `imageInfo.width` of what is no picture, is empty.
 */
export function fillTemplate(template: string, contentType: string, facts: CallbackFacts): string {
  const encode = contentType === 'application/json' ? asJson : asParameter;
  // With a class of its own for what may stand inside, every character is read once.
  return template.replace(/\$\{([^{}$]*)\}/g, (_, name: string) => encode(valueFor(name, facts)));
}

function valueFor(name: string, facts: CallbackFacts): string | number {
  const { image, variables, ...plain } = facts;
  if (name.startsWith('x:')) return variables.get(name) ?? variables.get(name.toLowerCase()) ?? '';
  const known: Readonly<Record<string, string | number>> = name.startsWith(imagePrefix) ? { ...image } : plain;
  const bare = name.startsWith(imagePrefix) ? name.slice(imagePrefix.length) : name;
  return Object.hasOwn(known, bare) ? (known[bare] as string | number) : '';
}

function asJson(value: string | number): string {
  return JSON.stringify(value);
}

function asParameter(value: string | number): string {
  return encodeURIComponent(value);
}
