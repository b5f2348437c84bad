import { Fault } from '../faults/index.ts';

export interface FunctionReference {
  name: string;
  qualifier: string | undefined;
  /** The service and the bare name, where the ARN is one of Function Compute 2.0. */
  inService?: { service: string; name: string };
}

const short = /^(?:[A-Za-z_][\w-]{0,127}\$)?[A-Za-z_][\w-]{0,63}$/;
const arnForm = /^acs:(?:fc|oss):([^:]*):([^:]*):(.+)$/;
const threeForm = /^functions\/((?:[\w-]+\$)?[\w-]+)(?:\/([\w.-]+))?$/;
// Function Compute 2.0: services/SERVICE.QUALIFIER/functions/NAME.
const twoForm = /^services\/([\w-]+)(?:\.([\w-]+))?\/functions\/([\w-]+)$/;

/** The name of a function of a service (Function Compute 2.0): no other function can have one with a `$`. */
export function nameIn(service: string, name: string): string {
  return `${service}$${name}`;
}

/** The service of a function, '' for none, and the name that it has there. */
export function namesOf(name: string): { service: string; name: string } {
  const at = name.indexOf('$');
  return at < 0 ? { service: '', name } : { service: name.slice(0, at), name: name.slice(at + 1) };
}

/** What a function is called in a session of its role: there a name has 64 characters at most, and no `$`. */
export function sessionNameOf(name: string): string {
  return name.replace('$', '.').slice(0, 64);
}

/**
 * The ARN of a function, without qualifier: that of Function Compute 3.0, or of 2.0 for a function of a service. Each function has one ARN,
 * by which policies name it whichever API is spoken.
 */
export function functionArn(region: string, accountId: string, name: string): string {
  const own = namesOf(name);
  const path = own.service ? `services/${own.service}/functions/${own.name}` : `functions/${name}`;
  return `acs:fc:${region}:${accountId}:${path}`;
}

/** A function's ARN with a qualifier, in the form of that ARN. */
export function withQualifier(arn: string, qualifier: string): string {
  const at = arn.indexOf('/functions/');
  return at < 0 ? `${arn}/${qualifier}` : `${arn.slice(0, at)}.${qualifier}${arn.slice(at)}`;
}

/**
 * Reads a function's short name or ARN: `acs:fc:REGION:UID:functions/NAME[/QUALIFIER]`,
 * `acs:fc:REGION:UID:services/SERVICE[.QUALIFIER]/functions/NAME`; `acs:oss:` in front is taken too, as vendor samples print it.
 * An empty region or account stands for ours.
 * @throws Fault InvalidArgument for any other form, FunctionNotFound for another region or account
 */
export function readFunctionReference(text: string, own: { region: string; accountId: string }): FunctionReference {
  if (short.test(text)) return { name: text, qualifier: undefined };
  const arn = text.length <= 1024 ? arnForm.exec(text) : null;
  const [, region = '', accountId = '', rest = ''] = arn ?? [];
  const three = threeForm.exec(rest);
  const two = three ? null : twoForm.exec(rest);
  if (!arn || !(three || two)) {
    throw new Fault(
      'InvalidArgument',
      `"${text.slice(0, 200)}" names no function; use a name, acs:fc:REGION:ACCOUNT:functions/NAME or acs:fc:REGION:ACCOUNT:services/SERVICE/functions/NAME`,
    );
  }
  if (accountId !== '' && accountId !== own.accountId) {
    throw new Fault('FunctionNotFound', `The function is in account ${accountId}; this server is account ${own.accountId}.`);
  }
  if (region !== '' && region !== own.region) {
    throw new Fault('FunctionNotFound', `The function is in region ${region}; this server is region ${own.region}.`);
  }
  if (three) return { name: three[1] as string, qualifier: three[2] };
  const [, service = '', qualifier, name = ''] = two ?? [];
  return { name: nameIn(service, name), qualifier, inService: { service, name } };
}
