import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type AccessPoints, openAccessPoints } from './accesspoints/index.ts';
import type { Blobs } from './blobs/index.ts';
import { openBuckets, type Store } from './buckets/index.ts';
import type { Settings } from './config.ts';
import { type DataFolder, isWalkable } from './data-folder.ts';
import { StartError } from './doors.ts';
import { type Functions, type FunctionVersion, openFunctions, sessionNameOf } from './functions/index.ts';
import type { AssumeOptions, Identity, SessionCredentials } from './identity/index.ts';
import { findInterpreter, type Instances, openInstances, type RuntimeApi, SandboxError } from './instances/index.ts';
import { type Outgoing, OutgoingError, openOutgoing } from './kit/index.ts';
import type { Metadata } from './metadata/index.ts';
import { notesOf } from './notes.ts';
import type { Opened } from './opened.ts';
import { type CallbackSigning, openCallbackSigning } from './protocols/oss/index.ts';
import { presignRead } from './signing/index.ts';
import { openStorage } from './storage.ts';
import { asyncSettings, openTasks, type Tasks } from './tasks/index.ts';
import { openInvocationRecords, type Telemetry } from './telemetry/index.ts';
import { openTransforms, type Transforms, type TransformsOptions } from './transforms/index.ts';

/** The role whose permissions a function without a role of its own has. */
const defaultRole = 'AliyunFCDefaultRole';
/** Whom a role must trust before a function may have it. */
const functionService = 'fc.aliyuncs.com';
/** Credentials in an instance's environment; the vendor documents 36 hours. */
const environmentTtlMs = 36 * 3_600_000;
/** How long the credentials of an asynchronous invocation outlive its timeout. */
const taskSpareMs = 15 * 60_000;

export interface Rooms {
  blobs: Blobs;
  identity: Identity;
  store: Store;
  accesspoints: AccessPoints;
  functions: Functions;
  instances: Instances;
  tasks: Tasks;
  /** Makes the requests that uploads ask for. */
  callbacks: Outgoing;
  callbackSigning: CallbackSigning | undefined;
  /** A session of a function's role, or of the default one. */
  assume: (role: string | undefined, options: AssumeOptions) => SessionCredentials;
  notes: string[];
}

interface Parts {
  settings: Settings;
  folder: DataFolder;
  telemetry: Telemetry;
  metadata: Metadata;
  identity: Identity;
  opened: Opened;
  runtimeApi: RuntimeApi;
}

/** Opens the rooms of floors 2 and 3, the lower ones first. @throws StartError for a setting that does not work here */
export async function openRooms({ settings, folder, telemetry, metadata, identity, opened, runtimeApi }: Parts): Promise<Rooms> {
  const { region } = settings;
  const { accountId } = identity;
  const serverIsRoot = process.getuid?.() === 0;
  const blobs = await openStorage({ settings, folder, telemetry, metadata, opened });
  const store = opened.add(
    openBuckets({
      ...{ metadata, blobs, region, lifecycleMs: settings.lifecycleMs },
      onError: (err) => telemetry.log.error({ err }, 'background work of the store failed'),
      onLifecycle: (work) => telemetry.log.info(work, 'lifecycle rules were carried out'),
    }),
    (it) => it.close(),
  );
  const accesspoints = openAccessPoints({ metadata, buckets: store, accountId, region });
  const python = await findInterpreter({ interpreter: settings.python.interpreter, dropPrivileges: serverIsRoot });
  const functions = opened.add(
    await openFunctions({
      metadata,
      runDir: folder.run,
      dataDir: folder.path,
      accountId,
      region,
      serverIsRoot,
      python: { interpreter: python?.path },
      onProblem: (err) => telemetry.log.error({ err }, 'clean-up of code failed'),
    }),
    (it) => it.close(),
  );
  const assume = (role: string | undefined, options: AssumeOptions) =>
    identity.assume(role ?? defaultRole, { ...options, service: functionService });
  const packages = settings.python.packages === undefined ? undefined : reachable(settings.python.packages, folder, serverIsRoot);
  const outgoing = opened.add(openOutgoing({ allow: settings.outgoing.allow, ca: trusted(settings) }), (it) => it.close());
  const callbackSigning = signingOf(settings);
  const callbacks = opened.add(
    openOutgoing({ allow: settings.outgoing.callbacks, setting: 'outgoing.callbacks', ca: trusted(settings) }),
    (it) => it.close(),
  );
  const instances = opened.add(
    await openInstances({
      runDir: folder.run,
      region,
      accountId,
      logger: telemetry.log,
      credentialsFor: (version: FunctionVersion) =>
        assume(version.role, { sessionName: sessionNameOf(version.name), ttlMs: environmentTtlMs, claims: { function: version.arn } }),
      builtinUser: () => functions.userOf('sluice.builtin'),
      limits: { maxInstances: settings.maxInstances, queue: settings.maxQueue },
      sandbox: settings.sandbox,
      python: { interpreter: python?.path, packages },
      node: settings.node,
      java: settings.java,
      runtimeApi,
      outgoing,
      onLog: (name, instanceId, requestId, line) => {
        telemetry.output.add(name, requestId, line);
        telemetry.records?.line(requestId, line);
        telemetry.log.info({ function: name, instance: instanceId, request: requestId, line }, 'function output');
      },
    }).catch((error: unknown) => {
      throw error instanceof SandboxError ? new StartError(error.message, { cause: error }) : error;
    }),
    (it) => it.close(),
  );
  functions.onChange((name, current) => instances.retire(name, current));
  const warm = (version: FunctionVersion) =>
    void instances
      .prepare(version)
      .catch((err) => telemetry.log.error({ err, function: version.name }, 'instances could not be kept warm'));
  functions.onScale(warm);
  for (const version of functions.provisioned()) warm(version);
  const tasks = opened.add(
    await openTasks({
      metadata,
      resolve: (name, qualifier) => functions.resolve(name, qualifier),
      settings: (name, qualifier) => asyncSettings(functions.get(name) && functions.configurations.get('async', name, qualifier)?.value),
      invoke: (version, { requestId, event, chain }) =>
        instances.invoke(version, {
          requestId,
          event,
          credentials: assume(version.role, {
            sessionName: requestId,
            ttlMs: version.timeoutMs + taskSpareMs,
            claims: { function: version.arn, ...(chain ? { chain } : {}) },
          }),
        }),
      onProblem: (err) => telemetry.log.error({ err }, 'work on asynchronous invocations failed'),
    }),
    (it) => it.close(),
  );
  return {
    blobs,
    identity,
    store,
    accesspoints,
    functions,
    instances,
    tasks,
    callbacks,
    callbackSigning,
    assume,
    notes: notesOf(instances, packages),
  };
}

/** A folder of packages where functions, which run as other users, can read it: itself, or a copy in the run folder. */
function reachable(packages: string, folder: DataFolder, serverIsRoot: boolean): string {
  if (!serverIsRoot || isWalkable(packages)) return packages;
  const copy = join(folder.run, 'packages');
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { mode: 0o755 });
  cpSync(packages, copy, { recursive: true });
  return copy;
}

/** What signs callbacks. @throws StartError */
function signingOf({ outgoing: { callbackKey, callbackKeyUrl } }: Settings): CallbackSigning | undefined {
  if (callbackKey === undefined && callbackKeyUrl === undefined) return undefined;
  if (callbackKey === undefined || callbackKeyUrl === undefined)
    throw new StartError('The settings outgoing.callbackKey and outgoing.callbackKeyUrl go together.');
  try {
    return openCallbackSigning(readFileSync(callbackKey, 'utf8'), callbackKeyUrl);
  } catch (error) {
    throw new StartError(`Callbacks cannot be signed with outgoing.callbackKey: ${(error as Error).message}`, { cause: error });
  }
}

/** What requests of the server trust besides the system's certificates. @throws StartError */
function trusted({ outgoing }: Settings): string | undefined {
  if (outgoing.ca === undefined) return undefined;
  try {
    return readFileSync(outgoing.ca, 'utf8');
  } catch (error) {
    throw new StartError(`The file of outgoing.ca cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}

interface TransformParts extends Pick<TransformsOptions, 'read'> {
  settings: Settings;
  folder: DataFolder;
  telemetry: Telemetry;
  rooms: Rooms;
  outputRoute: () => string;
}

/** Opens the records of transforms, unless they are off. @throws StartError */
export function keepRecords(settings: Settings, folder: DataFolder, telemetry: Telemetry, opened: Opened): void {
  const { invocations, outgoing, region } = settings;
  const options = { settings: invocations, folder: join(folder.path, 'telemetry', 'invocations'), region, telemetry };
  try {
    const records = openInvocationRecords({ ...options, outgoing: { allow: outgoing.allow, ca: trusted(settings) } });
    if (records) telemetry.records = opened.add(records, (it) => it.close()).store;
  } catch (error) {
    if (!(error instanceof OutgoingError)) throw error;
    throw new StartError(`The URL of invocations.otlp is not usable: ${error.message}`, { cause: error });
  }
}

/** Opens the heart, and gives it what it needs of its neighbours. */
export function wireTransforms({ settings, folder, telemetry, rooms, outputRoute, read }: TransformParts): Transforms {
  const { identity, functions, instances } = rooms;
  return openTransforms({
    settings: settings.transforms,
    spoolFolder: folder.spool,
    outputRoute,
    resolveFunction: (arn) => functions.resolve(arn),
    invoke: (version, call) => instances.invoke(version, call),
    presign: ({ name, key, versionId, credentials }) =>
      presignRead({
        endpoint: outputRoute(),
        bucket: name,
        key,
        versionId,
        accessKeyId: credentials.accessKeyId,
        accessKeySecret: credentials.accessKeySecret,
        securityToken: credentials.securityToken,
        expiresAt: credentials.expiresAt,
      }),
    read,
    assume: rooms.assume,
    release: (securityToken) => identity.release(securityToken),
    mayInvoke: (roleArn, functionArn) => identity.roleAllows(roleArn, 'fc:InvokeFunction', functionArn),
    metrics: telemetry.metrics,
    records: telemetry.records,
    onFalseHeaders: ({ requestId, functionArn, notes }) => {
      const headers = notes.map(({ header, reason, instead }) => ({
        header,
        reason,
        became: instead === undefined ? 'left out' : 'corrected',
      }));
      telemetry.log.warn({ id: requestId, function: functionArn, headers }, 'forwarded headers do not fit the answer');
    },
  });
}
