import { childText, type XmlNode, type XmlValue } from '../kit/index.ts';
import { CliFailure } from './failure.ts';

export type Options = Readonly<Record<string, unknown>>;

/** Which function answers, as which role, and what it is told and may answer. */
export interface Processing {
  readonly functionArn: string;
  readonly roleArn: string;
  readonly features: readonly string[];
  readonly forwardHeaders: readonly string[];
  /** Text in every event. */
  readonly payload?: string;
  /** Values by the names of limitNames. */
  readonly limits?: Readonly<Record<string, number>>;
}

/** Elements of Limits, by the names that --limit takes. */
export const limitNames: Readonly<Record<string, string>> = {
  'in-flight': 'InFlight',
  'requests-per-second': 'RequestsPerSecond',
  'bytes-per-second': 'BytesPerSecond',
  'first-byte-ms': 'FirstByteMs',
  'idle-ms': 'IdleMs',
};

/** ObjectProcessConfiguration as the server takes it. */
export function processingXml({ functionArn, roleArn, features, forwardHeaders, payload, limits }: Processing): XmlValue {
  const additional = forwardHeaders.length > 0 ? { CustomForwardHeaders: { CustomForwardHeader: [...forwardHeaders] } } : undefined;
  return {
    AllowedFeatures: features.length > 0 ? { AllowedFeature: [...features] } : '',
    TransformationConfigurations: {
      TransformationConfiguration: {
        Actions: { Action: 'GetObject' },
        ContentTransformation: {
          FunctionCompute: { FunctionArn: functionArn, FunctionAssumeRoleArn: roleArn, FunctionPayload: payload },
          AdditionalFeatures: additional,
        },
      },
    },
    Limits: limits && Object.fromEntries(Object.entries(limits).map(([name, value]) => [limitNames[name], value])),
  };
}

/** What --limit says, over what there was; a value of 0 takes the limit away. @throws CliFailure */
function limitsOf(given: readonly string[] | undefined, now: Processing['limits']): Processing['limits'] {
  const limits: Record<string, number> = { ...now };
  for (const each of given ?? []) {
    const [name = '', value = ''] = each.split('=');
    if (limitNames[name] === undefined || !/^\d{1,15}$/.test(value)) {
      throw new CliFailure(2, `--limit takes <name>=<number>, with one of the names ${Object.keys(limitNames).join(', ')}; not ${each}.`);
    }
    if (Number(value) === 0) delete limits[name];
    else limits[name] = Number(value);
  }
  return Object.keys(limits).length > 0 ? limits : undefined;
}

/** Payload and limits, where there are any. */
export function moreOf(options: Options, now: Pick<Processing, 'payload' | 'limits'>): Pick<Processing, 'payload' | 'limits'> {
  const payload = (options.payload as string | undefined) ?? now.payload;
  const limits = limitsOf(options.limit as string[] | undefined, now.limits);
  return { ...(payload ? { payload } : {}), ...(limits ? { limits } : {}) };
}

/** Payload and limits as the server shows them. */
export function readMore(payload: string | undefined, node: XmlNode | undefined): Pick<Processing, 'payload' | 'limits'> {
  const found = Object.entries(limitNames).flatMap(([name, element]) => {
    const value = node && childText(node, element);
    return value === undefined ? [] : [[name, Number(value)] as const];
  });
  return { ...(payload ? { payload } : {}), ...(found.length > 0 ? { limits: Object.fromEntries(found) } : {}) };
}
