import { Fault } from '../faults/index.ts';

export interface FunctionReference {
  name: string;
  qualifier: string | undefined;
}

const short = /^[A-Za-z_][\w-]{0,63}$/;
const arnForm = /^acs:(?:fc|oss):([^:]*):([^:]*):(.+)$/;
const threeForm = /^functions\/([\w-]+)(?:\/([\w.-]+))?$/;
// Function Compute 2.0: services/SERVICE.QUALIFIER/functions/NAME. The function is found by its name alone.
const twoForm = /^services\/[\w-]+(?:\.([\w-]+))?\/functions\/([\w-]+)$/;

/** The ARN of a function, without qualifier (Function Compute 3.0). */
export function functionArn(region: string, accountId: string, name: string): string {
  return `acs:fc:${region}:${accountId}:functions/${name}`;
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
  return three ? { name: three[1] as string, qualifier: three[2] } : { name: two?.[2] as string, qualifier: two?.[1] };
}
