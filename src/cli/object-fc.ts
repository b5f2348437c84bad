import { Command } from 'commander';
import { child, childrenOf, childText, writeXml, type XmlNode } from '../kit/index.ts';
import { getAccessPoint } from './access-point.ts';
import { asks, collect } from './action.ts';
import { readDocument } from './document.ts';
import { CliFailure } from './failure.ts';
import { limitNames, moreOf, type Options, type Processing, processingXml, readMore } from './object-fc-config.ts';
import { printFields, printLine, printTable } from './output.ts';
import { policyVerbs } from './policy-verbs.ts';
import type { Store } from './store.ts';

/** An Object FC access point as it is shown. */
export interface ObjectFc {
  readonly name: string;
  readonly alias: string;
  readonly accessPoint: string;
  readonly arn?: string;
  readonly status?: string;
  readonly anonymous?: string;
  readonly publicAccessBlocked?: string;
}

interface Config extends Processing {
  readonly anonymous: boolean;
  readonly publicAccessBlocked: boolean;
}

const query = { accessPointForObjectProcess: '' };
const configQuery = { accessPointConfigForObjectProcess: '' };
const header = 'x-oss-access-point-for-object-process-name';
/** Exists from the start, and may invoke every function. */
export const usualRole = 'aliyunfcdefaultrole';

function read(node: XmlNode): ObjectFc {
  const [name = '', alias = '', accessPoint = ''] = [
    'AccessPointNameForObjectProcess',
    'AccessPointForObjectProcessAlias',
    'AccessPointName',
  ].map((field) => childText(node, field));
  const fields = {
    ...{ arn: childText(node, 'AccessPointForObjectProcessArn'), status: childText(node, 'Status') },
    ...{
      anonymous: childText(node, 'AllowAnonymousAccessForObjectProcess'),
      publicAccessBlocked: childText(node, 'PublicAccessBlockConfiguration', 'BlockPublicAccess'),
    },
  };
  return { name, alias, accessPoint, ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) };
}

/** GetAccessPointForObjectProcess. @throws CliFailure NoSuchAccessPointForObjectProcess */
export async function getObjectFc(store: Store, bucket: string, name: string): Promise<ObjectFc> {
  return read(await store.xml({ method: 'GET', bucket, query, headers: { [header]: name } }));
}

/** CreateAccessPointForObjectProcess. */
export async function createObjectFc(
  store: Store,
  bucket: string,
  name: string,
  given: { accessPoint: string; processing: Processing; anonymous?: boolean },
): Promise<ObjectFc> {
  const body = writeXml('CreateAccessPointForObjectProcessConfiguration', {
    AccessPointName: given.accessPoint,
    ...(given.anonymous ? { AllowAnonymousAccessForObjectProcess: true } : {}),
    ObjectProcessConfiguration: processingXml(given.processing),
  });
  await store.text({ method: 'PUT', bucket, query, headers: { 'content-type': 'application/xml', [header]: name }, body });
  return getObjectFc(store, bucket, name);
}

/** The ARN of a function, given as one or as NAME or NAME/QUALIFIER. @param near an ARN of the same region and account */
export function functionArnOf(given: string, near: string): string {
  if (given.startsWith('acs:')) return given;
  const [, , region, account] = near.split(':');
  return `acs:fc:${region}:${account}:functions/${given}`;
}

/** The ARN of a role, given as one or by its name. */
export function roleArnOf(given: string, near: string): string {
  return given.startsWith('acs:') ? given : `acs:ram::${near.split(':')[3]}:role/${given}`;
}

function processingOf(options: Options, near: string): Processing {
  if (options.function === undefined) throw new CliFailure(2, 'Give --function <name>: what answers for the objects.');
  return {
    functionArn: functionArnOf(String(options.function), near),
    roleArn: roleArnOf((options.role as string | undefined) ?? usualRole, near),
    features: (options.feature as string[] | undefined) ?? [],
    forwardHeaders: (options.forwardHeader as string[] | undefined) ?? [],
    ...moreOf(options, {}),
  };
}

async function config(store: Store, bucket: string, name: string): Promise<Config> {
  const root = await store.xml({ method: 'GET', bucket, query: configQuery, headers: { [header]: name } });
  const processing = child(root, 'ObjectProcessConfiguration') ?? root;
  const list = child(processing, 'TransformationConfigurations');
  const content = list && child(childrenOf(list, 'TransformationConfiguration')[0] ?? list, 'ContentTransformation');
  const texts = (node: XmlNode | undefined, field: string) => (node ? childrenOf(node, field).map(({ text }) => text) : []);
  const additional = content && child(content, 'AdditionalFeatures');
  return {
    functionArn: (content && childText(content, 'FunctionCompute', 'FunctionArn')) ?? '',
    roleArn: (content && childText(content, 'FunctionCompute', 'FunctionAssumeRoleArn')) ?? '',
    features: texts(child(processing, 'AllowedFeatures'), 'AllowedFeature'),
    forwardHeaders: texts(additional && child(additional, 'CustomForwardHeaders'), 'CustomForwardHeader'),
    ...readMore(content && childText(content, 'FunctionCompute', 'FunctionPayload'), child(processing, 'Limits')),
    anonymous: childText(root, 'AllowAnonymousAccessForObjectProcess') === 'true',
    publicAccessBlocked: childText(root, 'PublicAccessBlockConfiguration', 'BlockPublicAccess') === 'true',
  };
}

/** Changes what the options name, and leaves the rest as it is. */
async function putConfig(store: Store, bucket: string, name: string, options: Options): Promise<Config> {
  const put = (body: string) =>
    store.text({ method: 'PUT', bucket, query: configQuery, headers: { 'content-type': 'application/xml', [header]: name }, body });
  if (options.document !== undefined) {
    await put(await readDocument(String(options.document)));
    return config(store, bucket, name);
  }
  const now = await config(store, bucket, name);
  const { arn = '' } = await getObjectFc(store, bucket, name);
  const flag = (value: unknown, old: boolean) => (value === undefined ? old : value === 'on');
  await put(
    writeXml('PutAccessPointConfigForObjectProcessConfiguration', {
      ObjectProcessConfiguration: processingXml({
        functionArn: options.function === undefined ? now.functionArn : functionArnOf(String(options.function), arn),
        roleArn: options.role === undefined ? now.roleArn : roleArnOf(String(options.role), arn),
        features: (options.feature as string[] | undefined) ?? now.features,
        forwardHeaders: (options.forwardHeader as string[] | undefined) ?? now.forwardHeaders,
        ...moreOf(options, now),
      }),
      AllowAnonymousAccessForObjectProcess: flag(options.anonymous, now.anonymous),
      PublicAccessBlockConfiguration: { BlockPublicAccess: flag(options.blockPublicAccess, now.publicAccessBlocked) },
    }),
  );
  return config(store, bucket, name);
}

/** Makes a function answer, unless it does already. */
export async function setFunction(store: Store, bucket: string, name: string, functionArn: string): Promise<void> {
  if ((await config(store, bucket, name)).functionArn !== functionArn) await putConfig(store, bucket, name, { function: functionArn });
}

async function list(store: Store): Promise<ObjectFc[]> {
  const all: ObjectFc[] = [];
  let token: string | undefined;
  do {
    const root = await store.xml({ method: 'GET', query: { ...query, 'max-keys': '100', 'continuation-token': token } });
    const points = child(root, 'AccessPointsForObjectProcess');
    all.push(...(points ? childrenOf(points, 'AccessPointForObjectProcess').map(read) : []));
    token = childText(root, 'IsTruncated') === 'true' ? childText(root, 'NextContinuationToken') : undefined;
  } while (token);
  return all;
}

function show(point: ObjectFc): void {
  printFields([
    ...([
      ['name', point.name],
      ['alias', point.alias],
      ['access point', point.accessPoint],
      ['arn', point.arn],
    ] as const),
    ...([
      ['status', point.status],
      ['anonymous', point.anonymous],
      ['public access blocked', point.publicAccessBlocked],
    ] as const),
  ]);
}

function showConfig(shown: Config): void {
  printFields([
    ...([
      ['function', shown.functionArn],
      ['role', shown.roleArn],
      ['features', shown.features.join(', ')],
    ] as const),
    ...([
      ['forwarded headers', shown.forwardHeaders.join(', ')],
      ...(shown.payload === undefined ? [] : [['payload', shown.payload] as const]),
      ...(shown.limits === undefined
        ? []
        : [
            [
              'limits',
              Object.entries(shown.limits)
                .map((limit) => limit.join('='))
                .join(', '),
            ] as const,
          ]),
      ['anonymous', shown.anonymous],
    ] as const),
    ['public access blocked', shown.publicAccessBlocked],
  ]);
}

function processingOptions(command: Command): Command {
  return command
    .option('--function <name>', 'NAME, NAME/QUALIFIER or ARN of the function')
    .option('--role <name>', `name or ARN of the role that lets the access point invoke it (${usualRole} when left out)`)
    .option(
      '--feature <name>',
      'GetObject-Range: the function takes ranges itself; Passthrough: other operations go to the access point behind; may be repeated',
      collect,
    )
    .option('--forward-header <name>', 'header of clients that the function is told; may be repeated', collect)
    .option('--payload <text>', 'text that every event carries')
    .option('--limit <name=value>', `one of ${Object.keys(limitNames).join(', ')}; 0 takes it away; may be repeated`, collect);
}

function configVerbs(noun: Command): void {
  const verbs = noun.command('config').description('what an Object FC access point does').exitOverride();
  asks<Config>(
    verbs.command('get <bucket> <name>').description('show function, role, features and headers'),
    ({ store }, bucket = '', name = '') => config(store, bucket, name),
    showConfig,
  );
  asks<Config>(
    processingOptions(verbs.command('put <bucket> <name>').description('change what the options name; the rest stays'))
      .option('--anonymous <on|off>', 'whether requests without a signature may be allowed by a policy')
      .option('--block-public-access <on|off>', 'whether public access is blocked')
      .option('--document <file>', 'the whole configuration as XML, or - for standard input'),
    ({ store, options }, bucket = '', name = '') => putConfig(store, bucket, name, options),
    showConfig,
  );
}

/** `sluice object-fc`: Object FC access points. */
export function objectFcNoun(): Command {
  const noun = new Command('object-fc').description('Object FC access points: names under which a function answers').exitOverride();
  asks<ObjectFc>(
    processingOptions(noun.command('create <bucket> <name>').description('make an Object FC access point'))
      .requiredOption('--access-point <name>', 'access point through which the function reads')
      .option('--anonymous', 'requests without a signature may be allowed by a policy'),
    async ({ store, options }, bucket = '', name = '') => {
      const accessPoint = String(options.accessPoint);
      const { arn = '' } = await getAccessPoint(store, bucket, accessPoint);
      const processing = processingOf(options, arn);
      return createObjectFc(store, bucket, name, { accessPoint, processing, anonymous: options.anonymous === true });
    },
    show,
  );
  asks<ObjectFc>(
    noun.command('get <bucket> <name>').description('show an Object FC access point'),
    ({ store }, bucket = '', name = '') => getObjectFc(store, bucket, name),
    show,
  );
  asks<ObjectFc[]>(
    noun.command('list').description('list the Object FC access points of the account'),
    ({ store }) => list(store),
    (points) =>
      printTable(
        ['name', 'access point', 'status', 'alias'],
        points.map((point) => [point.name, point.accessPoint, point.status, point.alias]),
      ),
  );
  asks<unknown>(
    noun.command('delete <bucket> <name>').description('delete an Object FC access point'),
    async ({ store }, bucket = '', name = '') => {
      await store.text({ method: 'DELETE', bucket, query, headers: { [header]: name } });
    },
    () => printLine('The Object FC access point is deleted.'),
  );
  configVerbs(noun);
  policyVerbs(noun, 'an Object FC access point', '<bucket> <name>', (bucket = '', name = '') => ({
    ...{ bucket, query: { accessPointPolicyForObjectProcess: '' }, headers: { [header]: name } },
  }));
  return noun;
}
