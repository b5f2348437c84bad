import { writeXml } from '../../kit/index.ts';
import { checkFormTime, type FormClaim, readFormClaim, verifyForm } from '../../signing/index.ts';
import { readObjectAcl } from './acl.ts';
import { admit } from './admission.ts';
import { Call } from './call.ts';
import { notify, readCallback } from './callback.ts';
import { encryptionHeaders } from './encryption.ts';
import { contentMd5, etagHeader, type HeaderList, invalid } from './headers.ts';
import { forbidsOverwrite, readDescription, readStorageClass, refuseHeaders } from './object-headers.ts';
import { contentTypeOf, type Form, fileBody, headersOf, keyOf, readForm } from './post-form.ts';
import { checkFormPolicy, readFormPolicy } from './post-policy.ts';
import { readContentMd5 } from './request-body.ts';
import { sendEmpty, sendText } from './respond.ts';
import { readTagHeader } from './tagging.ts';
import { versionHeaders } from './versions.ts';

/** A form's call: what other writes say in headers, a form says in fields. */
class FormCall extends Call {
  readonly #headers: ReadonlyMap<string, string>;

  constructor(parts: ConstructorParameters<typeof Call>[0], headers: ReadonlyMap<string, string>) {
    super(parts);
    this.#headers = headers;
  }

  override header(name: string): string | undefined {
    return this.#headers.get(name);
  }

  override headerNames(): Iterable<string> {
    return this.#headers.keys();
  }
}

const anySize = { least: 0, most: Number.MAX_SAFE_INTEGER };

/**
 * PostObject: stores the file of a form. Who sent it and whether he may is known only when its fields were read, so the row lets everybody in and
 * this asks everything that is asked of others before.
 */
export async function postObject(call: Call): Promise<void> {
  const form = await readForm(call);
  try {
    await storeFile(call, form);
  } finally {
    // What was not read is thrown away by the door.
    await form.reader.close();
  }
}

async function storeFile(call: Call, form: Form): Promise<void> {
  const { ctx, rooms } = call;
  const claim = readFormClaim((name) => form.fields.get(name));
  const principal = claim ? authenticateForm(call, claim) : rooms.identity.anonymous;
  const key = keyOf(form);
  const admitted = new FormCall({ ...call, principal, key, presigned: claim !== undefined }, headersOf(form));
  ctx.audited = admitted;
  const policy = claim && readFormPolicy(claim.policy);
  if (policy) checkFormPolicy(policy, ctx.startedAt, valuesOf(admitted, form));
  admit(admitted, claim !== undefined);
  refuseHeaders(admitted);
  const callback = readCallback(admitted, form.fields);
  const redirect = readRedirect(form);
  const { bucket } = admitted;
  const head = await rooms.store.put({
    ...{ bucket: bucket.name, key, source: fileBody(form, policy ?? anySize), contentMd5: readContentMd5(admitted) },
    ...{ ...readDescription(admitted), tags: readTagHeader(admitted), acl: readObjectAcl(admitted) },
    storageClass: readStorageClass(admitted.header('x-oss-storage-class')) ?? bucket.storageClass,
    forbidOverwrite: forbidsOverwrite(admitted),
  });
  const etag = etagHeader(head.etag);
  const checks = ['ETag', etag, 'x-oss-hash-crc64ecma', head.crc64, 'Content-MD5', contentMd5(head.etag)];
  const headers = checks.concat(encryptionHeaders(head.headers), versionHeaders(bucket, head.version));
  if (callback) return notify(admitted, callback, head);
  answer(admitted, form, { etag, headers, redirect });
}

/** Who signed the form. An unknown key costs the same work as a wrong secret. @throws Fault */
function authenticateForm({ ctx, rooms }: Call, claim: FormClaim) {
  checkFormTime(claim, ctx.startedAt);
  const credential = rooms.identity.credential(claim.accessKeyId, claim.securityToken);
  if ('fault' in credential) {
    try {
      verifyForm(claim, credential.secret);
    } catch {
      // The result does not matter: the key itself is refused.
    }
    throw credential.fault;
  }
  verifyForm(claim, credential.secret);
  return credential.principal;
}

/** What conditions are compared with: what will be stored, where a field says only half of it. */
function valuesOf({ name, key }: Call, form: Form): (field: string) => string | undefined {
  return (field) => {
    if (field === 'bucket') return name;
    if (field === 'key') return key;
    return field === 'content-type' ? contentTypeOf(form) : form.fields.get(field);
  };
}

/** @throws Fault InvalidArgument for what is no address of a page */
function readRedirect({ fields }: Form): string | undefined {
  const value = fields.get('success_action_redirect');
  if (!value) return undefined;
  const url = URL.parse(value);
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.href;
  throw invalid('success_action_redirect', value, 'The success_action_redirect must be an http or https URL.');
}

interface Done {
  readonly etag: string;
  readonly headers: HeaderList;
  readonly redirect: string | undefined;
}

/** Answers as the form asks. */
function answer(call: Call, { fields }: Form, { etag, headers, redirect }: Done): void {
  const { ctx, name } = call;
  const status = fields.get('success_action_status');
  if (redirect !== undefined) sendEmpty(ctx, 303, [...headers, 'Location', redirect]);
  else if (status === '200') sendEmpty(ctx, 200, headers);
  else if (status === '201') {
    const location = locationOf(call);
    const xml = writeXml('PostResponse', { Bucket: name, Location: location, Key: call.key, ETag: etag });
    sendText(ctx, xml, 'application/xml', [...headers, 'Location', location], 201);
  } else sendEmpty(ctx, 204, headers);
}

/** The address of the object that the form was posted for. */
function locationOf({ ctx, key }: Call): string {
  const bucket = `${ctx.encrypted ? 'https' : 'http'}://${ctx.host}${ctx.path.replace(/\/$/, '')}`;
  return `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
}
