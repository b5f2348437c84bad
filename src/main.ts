import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { type AccessPoints, openAccessPoints } from './accesspoints/index.ts';
import { type Blobs, openFsBlobs } from './blobs/index.ts';
import { openBuckets, type Store } from './buckets/index.ts';
import type { Settings } from './config.ts';
import { type DataFolder, isWalkable, openDataFolder } from './data-folder.ts';
import { type Functions, type FunctionVersion, openFunctions } from './functions/index.ts';
import { createListener, type Dialect, type Listener, type ListenerOptions } from './http/index.ts';
import { type AssumeOptions, type Identity, openIdentity, type SessionCredentials } from './identity/index.ts';
import { findInterpreter, type Instances, openInstances } from './instances/index.ts';
import { type Metadata, openMetadata } from './metadata/index.ts';
import { createAdminDialect } from './protocols/admin/index.ts';
import { createFcDialect } from './protocols/fc/index.ts';
import { createOssDialect } from './protocols/oss/index.ts';
import { presignRead } from './signing/index.ts';
import { createTelemetry, type Telemetry } from './telemetry/index.ts';
import { openTransforms, type Transforms } from './transforms/index.ts';

/** Raised when the server cannot start for a reason that its user can mend; the message says how. */
export class StartError extends Error {}

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
const functionsHeaderBytes = 65_536;

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
  const metadata = opened.add(await openMetadata({ file: folder.metadata, durability: settings.durability }), (it) => it.close());
  const identity = await openIdentity({ metadata, accountId: settings.accountId, rootKey: givenKey(settings), keyFile: folder.keys });
  const rooms = await openRooms({ settings, folder, telemetry, metadata, identity, opened });
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
  const control = createAdminDialect(createFcDialect({ ...rooms, buckets: rooms.store, region: settings.region, assume: rooms.assume }), {
    metrics,
    draining: () => draining,
    parts: () => ({
      store: storeState(metadata),
      functions: { ok: rooms.instances.ready().some((it) => it.ok), optional: true, note: rooms.notes.join('; ') },
      listeners: { ok: !draining },
    }),
  });
  const doors = await openDoors({ settings, telemetry, opened, oss, control, onRoute: (url) => (route = url) });
  const { data, control: controlDoor, functions } = doors;
  telemetry.log.info({ data: data.port, control: controlDoor.port, functions: functions.port }, 'ready');
  return {
    settings,
    addresses: {
      data: urlOf(settings.host, data.port),
      control: urlOf(settings.host, controlDoor.port),
      functions: route,
    },
    accountId: identity.accountId,
    dataFolder: folder.path,
    rootKey: identity.rootKey,
    notes: rooms.notes,
    stop: async () => {
      draining = true;
      // Functions answer until the last client is served, and the control listener tells meanwhile that the server drains.
      await data.drain(settings.drainMs);
      await controlDoor.drain(settings.drainMs);
      await rooms.instances.close();
      await functions.drain(1000);
      await opened.close();
    },
  };
}

/** Whether the metadata can be read now; without it no request can be served. */
function storeState(metadata: Metadata): { ok: boolean; note?: string } {
  try {
    return { ok: metadata.get('select name from settings limit 1') !== undefined };
  } catch {
    return { ok: false, note: 'the metadata database cannot be read; see the log' };
  }
}

interface DoorParts {
  settings: Settings;
  telemetry: Telemetry;
  opened: Opened;
  oss: Dialect;
  control: Dialect;
  /** Told where functions send their answers, before any other listener is open. */
  onRoute: (url: string) => void;
}

/** Starts the three listeners; the functions listener first, since a transform needs it. @throws StartError */
async function openDoors({
  settings,
  telemetry,
  opened,
  oss,
  control,
  onRoute,
}: DoorParts): Promise<Record<'data' | 'control' | 'functions', Listener>> {
  const { host } = settings;
  const start = async (options: Omit<ListenerOptions, 'telemetry'>): Promise<Listener> => {
    const listener = createListener({ telemetry, ...options });
    await listener.start().catch((error: Error) => {
      throw new StartError(error.message, { cause: error });
    });
    return opened.add(listener, (it) => it.drain(0));
  };
  const functions = await start({
    name: 'functions',
    host: settings.functionsHost,
    port: settings.functionsPort,
    dialect: oss,
    limits: { headerBytes: functionsHeaderBytes },
    portSetting: '--functions-port',
  });
  onRoute(functionsUrl(settings, functions));
  const data = await start({ name: 'data', host, port: settings.port, dialect: oss, portSetting: '--port' });
  const allowedHosts = controlHosts(settings);
  return {
    functions,
    data,
    control: await start({
      name: 'control',
      host,
      port: settings.controlPort,
      dialect: control,
      allowedHosts,
      portSetting: '--control-port',
    }),
  };
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
}

async function openRooms({ settings, folder, telemetry, metadata, identity, opened }: Parts): Promise<Rooms> {
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
        assume(version.role, { sessionName: version.name, ttlMs: environmentTtlMs, claims: { function: version.arn } }),
      limits: { maxInstances: settings.maxInstances, queue: settings.maxQueue },
      python: { interpreter: python?.path, packages },
      onLog: (name, instanceId, requestId, line) =>
        telemetry.log.info({ function: name, instance: instanceId, request: requestId, line }, 'function output'),
    }),
    (it) => it.close(),
  );
  functions.onChange((name) => instances.retire(name));
  return { blobs, identity, store, accesspoints, functions, instances, assume, notes: notesOf(instances, packages) };
}

/** What serves Python functions, in one line, or what is missing. */
function notesOf(instances: Instances, packages: string | undefined): string[] {
  const ready = instances.ready();
  const served = ready.filter((runtime) => runtime.ok);
  const notes =
    served.length > 0
      ? [`Python functions run on ${served[0]?.interpreter} (${served[0]?.version})`]
      : ready.slice(0, 1).map((it) => it.note ?? '');
  if (served.length > 0 && packages === undefined) notes.push('Pillow is not on board; name a folder that holds it with --python-packages');
  if (process.getuid?.() !== 0) notes.push('not started as root: functions run as this user; deploy only code that you trust');
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

function urlOf(host: string, port: number): string {
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${isIP(shown) === 6 ? `[${shown}]` : shown}:${port}`;
}

function functionsUrl(settings: Settings, listener: Listener): string {
  const { advertise } = settings;
  if (advertise === undefined) return urlOf(settings.functionsHost, listener.port);
  return advertise.includes(':') ? `http://${advertise}` : `http://${advertise}:${listener.port}`;
}

/** The control listener answers only names that its user gave it, so that no page in a browser can reach it under a name of its own. */
function controlHosts(settings: Settings): (host: string) => boolean {
  const names = new Set([
    '127.0.0.1',
    'localhost',
    '[::1]',
    settings.host.toLowerCase(),
    ...settings.controlHosts.map((name) => name.toLowerCase()),
  ]);
  return (host) => names.has(host.replace(/:\d+$/, ''));
}
