import type { Settings } from './config.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { openDoors } from './doors.ts';
import type { InsideRequest } from './http/index.ts';
import { openIdentity } from './identity/index.ts';
import { RuntimeApi } from './instances/index.ts';
import { after } from './kit/index.ts';
import type { Metadata } from './metadata/index.ts';
import { Opened } from './opened.ts';
import { createAdminDialect } from './protocols/admin/index.ts';
import { createFcDialect } from './protocols/fc/index.ts';
import { createOssDialect, explainOss, type OssDialect } from './protocols/oss/index.ts';
import { createRuntimeDialect } from './protocols/runtime/index.ts';
import { createStsDialect } from './protocols/sts/index.ts';
import { keepRecords, openRooms, wireTransforms } from './rooms.ts';
import { openRecords } from './storage.ts';
import { type Audit, createTelemetry, openAudit, type Telemetry } from './telemetry/index.ts';
import type { Original } from './transforms/index.ts';

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
  keepRecords(settings, folder, telemetry, opened);
  const audit = opened.add(auditOf(settings, folder, telemetry), (it) => it.close());
  const metadata = opened.add(await openRecords(folder.metadata, settings), (it) => it.close());
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
    read: (original, headers, taker) => functions.inside(readOf(original, headers), taker, (ctx) => oss.read(ctx, original)),
  });
  let draining = false;
  const oss: OssDialect = createOssDialect({
    ...{ ...rooms, transforms, region: settings.region, domains: settings.domains, restoreMs: settings.restoreSeconds * 1000 },
    images: { render: rooms.instances.render, relay: { ...settings.transforms, folder: folder.spool } },
  });
  const ossExplained = explainOss({ ...rooms, region: settings.region });
  const fc = createFcDialect({ ...rooms, buckets: rooms.store, region: settings.region, assume: rooms.assume });
  const controlDialect = createAdminDialect(createStsDialect(fc, { identity }), {
    metrics,
    api: {
      identity,
      output: telemetry.output,
      records: telemetry.records,
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

/** A read of an original as its URL would ask for it, but for the signature. */
function readOf({ url, versionId }: Original & { url: string }, headers: Record<string, string>): InsideRequest {
  const [, host = '', path = ''] = /^[a-z]+:\/\/([^/]*)([^?]*)/.exec(url) ?? [];
  const query = versionId === undefined ? '' : `?versionId=${encodeURIComponent(versionId)}`;
  return { method: 'GET', target: path + query, headers: { ...headers, host } };
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
