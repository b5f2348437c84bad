import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type AccessPoints, openAccessPoints } from './accesspoints/index.ts';
import { type Blobs, openFsBlobs } from './blobs/index.ts';
import { openBuckets, type Store } from './buckets/index.ts';
import type { Settings } from './config.ts';
import { type DataFolder, isWalkable, openDataFolder } from './data-folder.ts';
import { openDoors, StartError } from './doors.ts';
import { type Functions, type FunctionVersion, openFunctions, sessionNameOf } from './functions/index.ts';
import { type AssumeOptions, type Identity, openIdentity, type SessionCredentials } from './identity/index.ts';
import { findInterpreter, type Instances, openInstances, RuntimeApi, SandboxError } from './instances/index.ts';
import { after, openOutgoing } from './kit/index.ts';
import { type Metadata, openMetadata } from './metadata/index.ts';
import { createAdminDialect } from './protocols/admin/index.ts';
import { createFcDialect } from './protocols/fc/index.ts';
import { createOssDialect, explainOss } from './protocols/oss/index.ts';
import { createRuntimeDialect } from './protocols/runtime/index.ts';
import { createStsDialect } from './protocols/sts/index.ts';
import { presignRead } from './signing/index.ts';
import { asyncSettings, openTasks, type Tasks } from './tasks/index.ts';
import { type Audit, createTelemetry, openAudit, type Telemetry } from './telemetry/index.ts';
import { openTransforms, type Transforms } from './transforms/index.ts';

export interface RunningServer {
  settings: Settings;
  /** Base URLs of the three listeners. */
  addresses: { data: string; control: string; functions: string };
  accountId: string;
  dataFolder: string;
  rootKey: { id: string; secret: string; made: boolean };
  /** What a user should know at start, e.g. which interpreter serves which runtime. */
  notes: string[];
  /** Stops accepting, lets requests end within drainMs, ends functions, closes the store. */
  stop(): Promise<void>;
}

/** The role whose permissions a function without a role of its own has. */
const defaultRole = 'AliyunFCDefaultRole';
/** Whom a role must trust before a function may have it. */
const functionService = 'fc.aliyuncs.com';
/** Credentials in an instance's environment; the vendor documents 36 hours. */
const environmentTtlMs = 36 * 3_600_000;
/** How long the credentials of an asynchronous invocation outlive its timeout. */
const taskSpareMs = 15 * 60_000;

/** Everything that was opened, in order; closed in reverse. */
class Opened {
  readonly #closers: (() => unknown)[] = [];

  add<T>(value: T, close: (value: T) => unknown): T {
    this.#closers.push(() => close(value));
    return value;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

interface Rooms {
  blobs: Blobs;
  identity: Identity;
  store: Store;
  accesspoints: AccessPoints;
  functions: Functions;
  instances: Instances;
  tasks: Tasks;
  /** A session of a function's role, or of the default one. */
  assume: (role: string | undefined, options: AssumeOptions) => SessionCredentials;
  notes: string[];
}

/**
 * Opens every room on the data folder and starts the three listeners.
 * @throws DataFolderError, StartError; everything opened so far is closed again
 */
export async function openServer(settings: Settings): Promise<RunningServer> {
  const opened = new Opened();
  try {
    return await assemble(settings, opened);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function assemble(settings: Settings, opened: Opened): Promise<RunningServer> {
  const folder = opened.add(openDataFolder(settings.data, { run: settings.runDir }), (it) => it.release());
  const telemetry = opened.add(createTelemetry({ level: settings.logLevel, file: settings.logFile }), (it) => it.flush());
  const audit = opened.add(auditOf(settings, folder, telemetry), (it) => it.close());
  const metadata = opened.add(await openMetadata({ file: folder.metadata, durability: settings.durability }), (it) => it.close());
  const identity = opened.add(
    await openIdentity({
      metadata,
      accountId: settings.accountId,
      rootKey: givenKey(settings),
      keyFile: folder.keys,
      onProblem: (err) => telemetry.log.error({ err }, 'the last use of access keys could not be written'),
    }),
    (it) => it.close(),
  );
  const runtimeApi = new RuntimeApi();
  const rooms = await openRooms({ settings, folder, telemetry, metadata, identity, opened, runtimeApi });
  let route = '';
  const { metrics } = telemetry;
  metrics.beforeScrape.push(() => {
    for (const [state, count] of Object.entries(rooms.instances.stats().states)) metrics.instances.set({ state }, count);
    metrics.blobWriters.set(rooms.blobs.writers());
  });
  const transforms = wireTransforms({
    settings,
    folder,
    telemetry,
    rooms,
    outputRoute: () => route,
  });
  let draining = false;
  const oss = createOssDialect({ ...rooms, transforms, region: settings.region, domains: settings.domains });
  const ossExplained = explainOss({ ...rooms, region: settings.region });
  const fc = createFcDialect({ ...rooms, buckets: rooms.store, region: settings.region, assume: rooms.assume });
  const controlDialect = createAdminDialect(createStsDialect(fc, { identity }), {
    metrics,
    api: {
      identity,
      output: telemetry.output,
      region: settings.region,
      explain: (question) => (/^oss:/i.test(question.action) ? ossExplained(question) : undefined),
    },
    draining: () => draining,
    parts: () => ({
      store: storeState(metadata),
      functions: { ok: rooms.instances.ready().some((it) => it.ok), optional: true, note: rooms.notes.join('; ') },
      listeners: { ok: !draining },
    }),
  });
  const { data, control, functions, addresses, notes } = await openDoors({
    settings,
    telemetry,
    audit,
    folder: folder.path,
    dialects: { data: oss, control: controlDialect, functions: createRuntimeDialect(oss, runtimeApi) },
    keep: (listener) => opened.add(listener, (it) => it.drain(0)),
    onRoute: (url, local) => {
      route = url;
      runtimeApi.listen(new URL(local).host);
    },
  });
  telemetry.log.info({ data: data.port, control: control.port, functions: functions.port }, 'ready');
  return {
    settings,
    addresses,
    accountId: identity.accountId,
    dataFolder: folder.path,
    rootKey: identity.rootKey,
    notes: [...rooms.notes, ...notes],
    stop: async () => {
      draining = true;
      // Functions answer until the last client is served, and the control listener tells meanwhile that the server drains.
      await data.drain(settings.drainMs);
      await control.drain(settings.drainMs);
      rooms.tasks.halt();
      await rooms.instances.close();
      await functions.drain(1000);
      await opened.close();
    },
  };
}

function auditOf({ audit }: Settings, folder: DataFolder, telemetry: Telemetry): Audit {
  return openAudit({
    file: audit.file ?? folder.audit,
    maxBytes: audit.maxBytes,
    files: audit.files,
    after,
    onProblem: (err) => telemetry.log.error({ err }, 'the audit log cannot be written'),
  });
}

/** Whether the metadata can be read now; without it no request can be served. */
function storeState(metadata: Metadata): { ok: boolean; note?: string } {
  try {
    return { ok: metadata.get('select name from settings limit 1') !== undefined };
  } catch {
    return { ok: false, note: 'the metadata database cannot be read; see the log' };
  }
}

function givenKey({ accessKeyId, accessKeySecret }: Settings): { id: string; secret: string } | undefined {
  return accessKeyId === undefined || accessKeySecret === undefined ? undefined : { id: accessKeyId, secret: accessKeySecret };
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

async function openRooms({ settings, folder, telemetry, metadata, identity, opened, runtimeApi }: Parts): Promise<Rooms> {
  const { region } = settings;
  const { accountId } = identity;
  const serverIsRoot = process.getuid?.() === 0;
  const blobs: Blobs = opened.add(await openFsBlobs({ folder: folder.blobs, durability: settings.durability }), (it) => it.close());
  const store = opened.add(
    openBuckets({ metadata, blobs, region, onError: (err) => telemetry.log.error({ err }, 'background work of the store failed') }),
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
  const instances = opened.add(
    await openInstances({
      runDir: folder.run,
      region,
      accountId,
      logger: telemetry.log,
      credentialsFor: (version: FunctionVersion) =>
        assume(version.role, { sessionName: sessionNameOf(version.name), ttlMs: environmentTtlMs, claims: { function: version.arn } }),
      limits: { maxInstances: settings.maxInstances, queue: settings.maxQueue },
      sandbox: settings.sandbox,
      python: { interpreter: python?.path, packages },
      node: settings.node,
      java: settings.java,
      runtimeApi,
      outgoing: opened.add(openOutgoing({ allow: settings.outgoing.allow, ca: trusted(settings) }), (it) => it.close()),
      onLog: (name, instanceId, requestId, line) => {
        telemetry.output.add(name, requestId, line);
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
  return { blobs, identity, store, accesspoints, functions, instances, tasks, assume, notes: notesOf(instances, packages) };
}

/** What serves Python, Node.js and Java functions, in one line each, or what is missing. */
function notesOf(instances: Instances, packages: string | undefined): string[] {
  const ready = instances.ready().filter(({ runtime }) => runtime.startsWith('python'));
  const served = ready.filter((runtime) => runtime.ok);
  const notes =
    served.length > 0
      ? [`Python functions run on ${served[0]?.interpreter} (${served[0]?.version})`]
      : ready.slice(0, 1).map((it) => it.note ?? '');
  if (served.length > 0 && packages === undefined) notes.push('Pillow is not on board; name a folder that holds it with --python-packages');
  const nodes = instances.ready().filter(({ runtime, ok }) => ok && runtime.startsWith('nodejs'));
  const shown = new Set(nodes.map(({ interpreter, version }) => `${interpreter} (${version})`));
  if (shown.size > 0) notes.push(`Node.js functions run on ${[...shown].join(' and ')}`);
  const java = instances.ready().find(({ runtime, ok }) => ok && runtime === 'java11');
  if (java) notes.push(`Java functions run on ${java.interpreter} (${java.version})`);
  notes.push(...instances.sandbox.notes);
  return notes;
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

/** What requests of the server trust besides the system's certificates. @throws StartError */
function trusted({ outgoing }: Settings): string | undefined {
  if (outgoing.ca === undefined) return undefined;
  try {
    return readFileSync(outgoing.ca, 'utf8');
  } catch (error) {
    throw new StartError(`The file of outgoing.ca cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}

interface TransformParts {
  settings: Settings;
  folder: DataFolder;
  telemetry: Telemetry;
  rooms: Rooms;
  outputRoute: () => string;
}

function wireTransforms({ settings, folder, telemetry, rooms, outputRoute }: TransformParts): Transforms {
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
    assume: rooms.assume,
    release: (securityToken) => identity.release(securityToken),
    mayInvoke: (roleArn, functionArn) => identity.roleAllows(roleArn, 'fc:InvokeFunction', functionArn),
    metrics: telemetry.metrics,
  });
}
