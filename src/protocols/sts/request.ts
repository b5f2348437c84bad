import { createHash } from 'node:crypto';
import { Fault } from '../../faults/index.ts';
import type { RequestContext } from '../../http/index.ts';
import type { Identity, Nonces, Principal } from '../../identity/index.ts';
import { readAll } from '../../kit/index.ts';
import { acs3Caller, parseQuery, type QueryParam, readRpc1Claim, verifyAs, verifyRpc1 } from '../../signing/index.ts';

/** A form may hold a policy of 2,048 bytes and a security token, both percent-encoded. */
const formBytes = 64 * 1024;

/** One call of the API, past its signature. */
export interface StsCall {
  readonly principal: Principal;
  readonly action: string;
  readonly version: string;
  /** First value of each parameter, from query and form. */
  readonly params: ReadonlyMap<string, string>;
}

/**
 * Reads parameters from query and form, and says who signed them. An unknown key costs the same work as a wrong secret.
 * @param onParams told the parameters before anything is verified, for the form of an error answer
 * @throws Fault of the house's own codes, and MissingParameter where nothing is signed
 */
export async function readCall(
  ctx: RequestContext,
  identity: Pick<Identity, 'credential'>,
  nonces: Nonces,
  onParams: (params: readonly QueryParam[]) => void,
): Promise<StsCall> {
  const find = (id: string, token: string | undefined) => identity.credential(id, token);
  const acs3 = acs3Caller(ctx, find, ctx.startedAt);
  const form = await readForm(ctx);
  const params = [...ctx.query, ...form.params];
  onParams(params);
  if (acs3) {
    if (form.sha256 !== acs3.bodySha256)
      throw new Fault('InvalidDigest', 'x-acs-content-sha256 is not the SHA-256 of the body that arrived.');
    nonces.accept(acs3.accessKeyId, acs3.nonce, acs3.date, ctx.startedAt);
    return noted(ctx, acs3.accessKeyId, {
      principal: acs3.key.principal,
      action: text(ctx, 'x-acs-action'),
      version: text(ctx, 'x-acs-version'),
      params: mapOf(params),
    });
  }
  const claim = readRpc1Claim(params);
  if (!claim) {
    throw new Fault('MissingParameter', 'The input parameter "AccessKeyId" that is mandatory for processing this request is not supplied.');
  }
  const credential = find(claim.accessKeyId, claim.securityToken);
  verifyAs('fault' in credential ? credential : { secret: credential.secret }, () =>
    verifyRpc1(claim, ctx.method, params, credential.secret, ctx.startedAt),
  );
  nonces.accept(claim.accessKeyId, claim.nonce, claim.time, ctx.startedAt);
  const all = mapOf(params);
  const principal = (credential as { principal: Principal }).principal;
  return noted(ctx, claim.accessKeyId, { principal, action: all.get('Action') ?? '', version: all.get('Version') ?? '', params: all });
}

function noted(ctx: RequestContext, accessKeyId: string, call: StsCall): StsCall {
  ctx.audited.actor = call.principal.arn;
  ctx.audited.accessKeyId = accessKeyId;
  ctx.charge(accessKeyId);
  return call;
}

async function readForm(ctx: RequestContext): Promise<{ params: QueryParam[]; sha256: string }> {
  const tooLarge = () => new Fault('EntityTooLarge', `The body may have at most ${formBytes} bytes.`);
  if (Number(ctx.headers['content-length'] ?? 0) > formBytes) throw tooLarge();
  const bytes = await readAll(ctx.body(), formBytes, tooLarge);
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(text(ctx, 'content-type'));
  return { params: isForm ? parseQuery(bytes.toString('latin1')) : [], sha256: createHash('sha256').update(bytes).digest('hex') };
}

function text(ctx: RequestContext, name: string): string {
  const value = ctx.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

function mapOf(params: readonly QueryParam[]): Map<string, string> {
  const map = new Map<string, string>();
  for (const { name, value } of params) {
    if (map.has(name)) throw new Fault('InvalidArgument', `The parameter ${name.slice(0, 64)} is there twice.`);
    map.set(name, value);
  }
  return map;
}
