/** Steps of the ali-oss driver on uploads in parts, copies, appending, tags, symlinks and the settings of buckets. */
import type OSS from 'ali-oss';

interface Step {
  bucket: string;
  key: string;
  body?: string;
  partSize?: number;
  source?: string;
  meta?: Record<string, string>;
  ifMatch?: string;
  ranges?: [number, number][];
  position?: number;
  target?: string;
  tags?: Record<string, string>;
  origins?: string[];
  referers?: string[];
  empty?: boolean;
}

const unquote = (value: string | undefined) => (value ?? '').replaceAll('"', '');
const bytesOf = (step: Step) => Buffer.from(step.body ?? '', 'base64');

function partsOf(step: Step): Buffer[] {
  const [body, size] = [bytesOf(step), step.partSize ?? 0];
  return Array.from({ length: Math.ceil(body.length / size) }, (_, i) => body.subarray(i * size, (i + 1) * size));
}

/** The steps by name. */
export function storeOperations(client: OSS): Record<string, (step: never) => Promise<object>> {
  const headersOf = (reply: { res: { headers: Record<string, string> } }) => reply.res.headers;
  const statusOf = (reply: { res: { status: number } }) => ({ status: reply.res.status });
  const uploadsOf = async (prefix: string) => ((await client.listUploads({ prefix })).uploads ?? []).map(({ name }) => name);

  async function multipart(step: Step): Promise<object> {
    const options = { headers: { 'Content-Type': 'x/parts', 'x-oss-meta-in': 'parts' } };
    const { uploadId } = await client.initMultipartUpload(step.key, options);
    const done: { number: number; etag: string }[] = [];
    for (const [i, part] of partsOf(step).entries()) {
      const { etag } = await client.uploadPart(step.key, uploadId, i + 1, part, 0, part.length);
      done.push({ number: i + 1, etag });
    }
    const page = await client.listParts(step.key, uploadId, { 'max-parts': 2 });
    const uploads = await uploadsOf(step.key);
    const result = await client.completeMultipartUpload(step.key, uploadId, done);
    const again = await client.completeMultipartUpload(step.key, uploadId, done);
    return {
      ...{ etag: unquote(result.etag), crc64: headersOf(result)['x-oss-hash-crc64ecma'], again: unquote(again.etag), uploads },
      ...{ truncated: page.isTruncated === 'true', sizes: page.parts.map((part) => Number(part.Size)) },
    };
  }

  async function abort(step: Step): Promise<object> {
    const { uploadId } = await client.initMultipartUpload(step.key);
    await client.uploadPart(step.key, uploadId, 1, Buffer.alloc(1000), 0, 1000);
    const { status } = statusOf(await client.abortMultipartUpload(step.key, uploadId));
    return { status, uploads: await uploadsOf(step.key) };
  }

  async function resumable(step: Step): Promise<object> {
    const result = await client.multipartUpload(step.key, bytesOf(step), { partSize: step.partSize ?? 0, parallel: 3 });
    const { content } = await client.get(step.key, {});
    return { etag: unquote(headersOf(result).etag ?? result.etag), body: content.toString('base64') };
  }

  async function copy(step: Step): Promise<object> {
    const result = await client.copy(step.key, step.source ?? '', {
      ...(step.meta ? { meta: step.meta } : {}),
      ...(step.ifMatch ? { headers: { 'if-match': step.ifMatch } } : {}),
    });
    return { etag: unquote(result.data?.etag) };
  }

  async function copyParts(step: Step): Promise<object> {
    const { uploadId } = await client.initMultipartUpload(step.key);
    const done: { number: number; etag: string }[] = [];
    for (const [i, [first, last]] of (step.ranges ?? []).entries()) {
      const from = { sourceKey: step.source ?? '', sourceBucketName: step.bucket };
      const { etag } = await client.uploadPartCopy(step.key, uploadId, i + 1, `${first}-${last}`, from);
      done.push({ number: i + 1, etag });
    }
    return { etag: unquote((await client.completeMultipartUpload(step.key, uploadId, done)).etag) };
  }

  async function append(step: Step): Promise<object> {
    const result = await client.append(step.key, bytesOf(step), { position: String(step.position) });
    return { position: Number(result.nextAppendPosition), crc64: headersOf(result)['x-oss-hash-crc64ecma'] };
  }

  const cors = (step: Step) =>
    (step.origins ?? []).map((origin) => ({
      allowedOrigin: origin,
      allowedMethod: ['GET', 'PUT'],
      allowedHeader: '*',
      maxAgeSeconds: '60',
    }));
  return {
    ...{ multipart, abort, resumable, copy, copyParts, append },
    getTags: async (step: Step) => ({ tags: (await client.getObjectTagging(step.key)).tag }),
    putTags: async (step: Step) => statusOf(await client.putObjectTagging(step.key, step.tags ?? {})),
    deleteTags: async (step: Step) => statusOf(await client.deleteObjectTagging(step.key)),
    putSymlink: async (step: Step) => statusOf(await client.putSymlink(step.key, step.target ?? '')),
    getSymlink: async (step: Step) => ({ target: (await client.getSymlink(step.key)).targetName }),
    stat: async (step: Step) => {
      const { stat } = await client.getBucketStat(step.bucket);
      return { objects: Number(stat.ObjectCount), size: Number(stat.Storage), multipart: Number(stat.MultipartUploadCount) };
    },
    getBucketTags: async (step: Step) => ({ tags: (await client.getBucketTags(step.bucket)).tag }),
    putBucketTags: async (step: Step) => statusOf(await client.putBucketTags(step.bucket, step.tags ?? {})),
    deleteBucketTags: async (step: Step) => statusOf(await client.deleteBucketTags(step.bucket)),
    putCors: async (step: Step) => statusOf(await client.putBucketCORS(step.bucket, cors(step))),
    getCors: async (step: Step) => ({ origins: (await client.getBucketCORS(step.bucket)).rules.flatMap((rule) => rule.allowedOrigin) }),
    deleteCors: async (step: Step) => statusOf(await client.deleteBucketCORS(step.bucket)),
    putReferer: async (step: Step) => statusOf(await client.putBucketReferer(step.bucket, step.empty ?? true, step.referers ?? [])),
    getReferer: async (step: Step) => {
      const { referers, allowEmpty } = await client.getBucketReferer(step.bucket);
      return { referers, empty: String(allowEmpty) === 'true' };
    },
    getLifecycle: async (step: Step) => statusOf(await client.getBucketLifecycle(step.bucket)),
    putWebsite: async (step: Step) => statusOf(await client.putBucketWebsite(step.bucket, { index: 'index.html' })),
  } as Record<string, (step: never) => Promise<object>>;
}
