import { Fault } from '../faults/index.ts';
import { parseRoleArn } from '../identity/index.ts';
import type { ObjectFcLimits, ObjectProcess, Transformation } from './record.ts';

/** The configuration as a request gives it; what is left out is empty. */
export interface ObjectProcessInput {
  readonly allowedFeatures?: readonly string[];
  readonly transformations?: readonly Transformation[];
  readonly limits?: ObjectFcLimits | undefined;
}

/** The feature, ours, that lets requests other than reads of objects through to the supporting access point. */
export const passthrough = 'Passthrough';
const features: readonly string[] = ['GetObject-Range', passthrough];
/** Longest payload, bytes: it travels in every event. */
const payloadBytes = 64 * 1024;
const limitNames = ['inFlight', 'requestsPerSecond', 'bytesPerSecond', 'firstByteMs', 'idleMs'] as const;

const mostHeaders = 50;

/** `functions/<fn>[/<qualifier>]` of FC 3.0, or `services/<service>[.<qualifier>]/functions/<fn>` of FC 2.0. */
const functionArnForm =
  /^acs:(fc|oss):[a-z0-9-]{1,64}:\d{1,20}:(functions\/[A-Za-z0-9_$.-]{1,200}(\/[A-Za-z0-9_-]{1,128})?|services\/[A-Za-z0-9_.-]{1,192}\/functions\/[A-Za-z0-9_-]{1,128})$/;

/**
 * Checks an ObjectProcessConfiguration and gives it its stored form: the action is `GetObject` however it was spelt (Alibaba OSS API
 * reference, CreateAccessPointForObjectProcess).
 * @throws Fault InvalidArgument naming the element
 */
export function readObjectProcess({ allowedFeatures = [], transformations = [], limits = {} }: ObjectProcessInput): ObjectProcess {
  for (const feature of allowedFeatures) {
    if (!features.includes(feature)) refuse('AllowedFeature', feature, `must be one of ${features.join(', ')}`);
  }
  if (transformations.length > 1) {
    refuse(
      'TransformationConfigurations',
      String(transformations.length),
      'must hold one TransformationConfiguration: GetObject is the only action',
    );
  }
  const given = limitNames.filter((name) => limits[name] !== undefined);
  for (const name of given) {
    const value = limits[name];
    if (!Number.isSafeInteger(value) || Number(value) < 1) refuse(`Limits/${name}`, String(value), 'must be a whole number of 1 or more');
  }
  return {
    allowedFeatures: [...new Set(allowedFeatures)],
    transformations: transformations.map(readTransformation),
    ...(given.length > 0 && { limits: Object.fromEntries(given.map((name) => [name, limits[name]])) }),
  };
}

function readTransformation({
  actions,
  functionArn,
  functionAssumeRoleArn,
  customForwardHeaders,
  payload,
}: Transformation): Transformation {
  if (actions.length === 0) refuse('Actions', '', 'must name the action GetObject');
  for (const action of actions) if (action.toLowerCase() !== 'getobject') refuse('Action', action, 'must be GetObject');
  if (!functionArnForm.test(functionArn)) {
    refuse(
      'FunctionArn',
      functionArn,
      'must be acs:fc:<region>:<uid>:functions/<function>[/<qualifier>] or acs:fc:<region>:<uid>:services/<service>.<qualifier>/functions/<function>',
    );
  }
  if (!parseRoleArn(functionAssumeRoleArn)) {
    refuse('FunctionAssumeRoleArn', functionAssumeRoleArn, 'must be acs:ram::<uid>:role/<name>');
  }
  if (customForwardHeaders.length > mostHeaders) {
    refuse('CustomForwardHeaders', String(customForwardHeaders.length), `must not hold more than ${mostHeaders} headers`);
  }
  for (const header of customForwardHeaders) {
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(header)) refuse('CustomForwardHeader', header, 'must be the name of an HTTP header');
  }
  if (payload !== undefined && Buffer.byteLength(payload) > payloadBytes) {
    refuse('FunctionPayload', `${payload.slice(0, 100)}...`, `must not be longer than ${payloadBytes} bytes`);
  }
  return {
    actions: ['GetObject'],
    functionArn,
    functionAssumeRoleArn,
    customForwardHeaders: [...customForwardHeaders],
    ...(payload && { payload }),
  };
}

function refuse(element: string, value: string, rule: string): never {
  throw new Fault('InvalidArgument', `${element} ${rule}.`, { extra: { ArgumentName: element, ArgumentValue: value.slice(0, 1_024) } });
}
