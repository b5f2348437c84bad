import type { Encryption } from './encryption.ts';
import type { LifecycleRule } from './lifecycle.ts';

/** What is set for a bucket besides, each part as it was put; absent where nothing was. */
export interface BucketSettings {
  readonly tags?: Readonly<Record<string, string>>;
  readonly cors?: CorsSettings;
  readonly referer?: RefererSettings;
  readonly website?: WebsiteSettings;
  /** Objects of the class Archive can be read without being restored. */
  readonly archiveDirectRead?: boolean;
  readonly lifecycle?: readonly LifecycleRule[];
  /** Named ways to process pictures, by name. */
  readonly styles?: Readonly<Record<string, ImageStyle>>;
  /** What objects are encrypted with when they do not say so themselves. */
  readonly encryption?: Encryption;
}

/** Operations on a picture under one name (Alibaba OSS API reference, "PutStyle"). */
export interface ImageStyle {
  /** As x-oss-process has them: `image/resize,p_50`. */
  readonly content: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly modifiedAt: number;
}

/** What unsigned readers are shown as pages (Alibaba OSS API reference, "PutBucketWebsite"). */
export interface WebsiteSettings {
  /** Name of the page that stands for a folder. */
  readonly index?: string;
  /** Folders below the root have index pages of their own; else they show that of the root. */
  readonly subfolders: boolean;
  /** What becomes of a key that is not there and is the name of a folder with an index page. */
  readonly folder: 'redirect' | 'missing' | 'index';
  /** What is shown for what is not there. */
  readonly error?: { readonly key: string; readonly status: 200 | 404 };
}

/** Which pages of other origins may read answers (Alibaba OSS API reference, "PutBucketCors"). */
export interface CorsSettings {
  readonly rules: readonly CorsRule[];
  readonly responseVary: boolean;
}

export interface CorsRule {
  /** Each with at most one `*`. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  /** Lower-case, each with at most one `*`. */
  readonly headers: readonly string[];
  readonly exposed: readonly string[];
  readonly maxAgeSeconds?: number;
}

/** Which pages may link to objects (Alibaba OSS API reference, "PutBucketReferer"). */
export interface RefererSettings {
  readonly allowEmpty: boolean;
  readonly ignoreQuery: boolean;
  /** With `*` and `?` as wildcards; when empty everybody may who is not in `refused`. */
  readonly allowed: readonly string[];
  readonly refused: readonly string[];
}
