import { Fault } from '../faults/index.ts';
import { now, randomHex } from '../kit/index.ts';
import { functionArn, nameIn, namesOf } from './arn.ts';
import type { Catalogue, Entry } from './catalogue.ts';
import type { CodeKey } from './code.ts';
import { settingsFromInput, settingsFromPatch } from './input.ts';
import type { OpenLayers } from './layers.ts';
import type { IncomingPackage } from './packages.ts';
import type { FunctionRecord, FunctionSettings } from './record.ts';
import { refuseStale } from './revision.ts';
import { alreadyExists } from './rows.ts';
import { familyOf } from './runtimes.ts';
import type { ServiceRecord } from './service-table.ts';
import { type CheckedCode, type CodeStore, needsOf } from './store.ts';
import { keyOf, type Views } from './views.ts';

/** What a deployment needs of the room around it. */
export interface DeploymentHouse {
  readonly catalogue: Catalogue;
  readonly code: CodeStore;
  readonly layers: OpenLayers;
  readonly views: Views;
  readonly region: string;
  readonly accountId: string;
  /** The user of a function. */
  uid(name: string): Promise<number | undefined>;
  /** Tells that the function is another now, and cleans up what only the records of before have used. */
  changed(entry: Entry, before: readonly FunctionRecord[]): void;
}

/** An archive that holds nothing (APPNOTE 4.3.16). */
const emptyZip = Buffer.concat([Buffer.from('PK\x05\x06', 'latin1'), Buffer.alloc(18)]);

/** Settings of a function with code, on disk and in the metadata: made and changed. */
export class Deployments {
  readonly #house: DeploymentHouse;

  constructor(house: DeploymentHouse) {
    this.#house = house;
  }

  /** @param service whose settings the function shares, and whose name comes before its own */
  create(input: unknown, given?: CheckedCode, service?: ServiceRecord): Promise<FunctionRecord> {
    const { catalogue, code: store, layers, region, accountId } = this.#house;
    const own = settingsFromInput(input);
    const settings = service ? { ...shared(own, service), functionName: nameIn(service.serviceName, own.functionName) } : own;
    const name = settings.functionName;
    const code = given ?? (familyOf(settings.runtime) === 'container' ? { zip: emptyZip } : undefined);
    if (!code) throw new Fault('InvalidArgument', 'code: give zipFile (base64), or ossBucketName and ossObjectName');
    return catalogue.inTurn(name, async () => {
      if (catalogue.get(name)) throw alreadyExists(name);
      const functionId = randomHex(16);
      const uid = await this.#house.uid(name);
      return layers.use(settings.layers, settings.runtime, [], (layerCode) =>
        store.withPackage(code, (incoming) =>
          store.deploy(incoming, { functionId, codeDigest: incoming.digest, uid }, needsOf(settings), async ({ note }) => {
            const time = now();
            const record: FunctionRecord = {
              ...settings,
              functionId,
              functionArn: functionArn(region, accountId, name),
              ...codeFields(incoming, note),
              layerCode,
              createdTime: time,
              lastModifiedTime: time,
              lastUpdateStatus: 'Successful',
              revision: randomHex(8),
            };
            await catalogue.rows.insert(record);
            catalogue.remember(record, uid);
            return record;
          }),
        ),
      );
    });
  }

  /** @param ifMatch the revision that is meant to be changed */
  update(name: string, patch: unknown, code?: CheckedCode, ifMatch?: string): Promise<FunctionRecord> {
    const { catalogue, code: store, layers, views } = this.#house;
    return catalogue.inTurn(name, async () => {
      const entry = catalogue.existing(name);
      refuseStale(entry.record.revision, ifMatch);
      const settings = settingsFromPatch(entry.record, patch);
      refuseOther(entry.record, settings);
      return layers.use(settings.layers, settings.runtime, entry.record.layerCode ?? [], async (layerCode) => {
        const draft = { ...entry.record, ...settings, layerCode };
        const needs = needsOf(settings);
        if (!code) {
          if (entry.record.state === 'Active') await store.prepare(keyOf(entry.record, entry.uid), needs);
          return this.#replace(entry, draft);
        }
        return store.withPackage(code, async (incoming) => {
          const key: CodeKey = { functionId: entry.record.functionId, codeDigest: incoming.digest, uid: entry.uid };
          // Instances may be reading code that is already there.
          if (catalogue.digests(entry).has(incoming.digest) && !views.isLost(key)) {
            await store.prepare(key, needs);
            return this.#replace(entry, { ...draft, ...codeFields(incoming, undefined) });
          }
          const record = await store.deploy(incoming, key, needs, ({ note }) =>
            this.#replace(entry, { ...draft, ...codeFields(incoming, note) }),
          );
          views.find(key);
          return record;
        });
      });
    });
  }

  async #replace(entry: Entry, draft: FunctionRecord): Promise<FunctionRecord> {
    const { catalogue, changed } = this.#house;
    const before = entry.record;
    const record = { ...draft, lastModifiedTime: Math.max(now(), before.lastModifiedTime), revision: randomHex(8) };
    await catalogue.write([catalogue.replacing(entry, record)]);
    changed(entry, [before]);
    return record;
  }
}

/** What a service decides for its functions. */
const ofService = ['vpcConfig', 'nasConfig', 'tracingConfig', 'ossMountConfig'] as const;

/** The settings with what the service decides. */
export function shared<T extends FunctionSettings>(settings: T, service: ServiceRecord): T {
  const { role, logConfig, internetAccess } = service;
  const kept = { ...settings.kept };
  for (const name of ofService) {
    if (service.kept[name] === undefined) delete kept[name];
    else kept[name] = service.kept[name];
  }
  return { ...settings, role, logConfig, internetAccess, kept };
}

/** A function of a service cannot change what its service decides. @throws Fault InvalidArgument that names the field */
function refuseOther(before: FunctionSettings, after: FunctionSettings): void {
  const { service } = namesOf(before.functionName);
  if (!service) return;
  const fields = ({ role, logConfig, internetAccess, kept }: FunctionSettings) => ({
    ...{ role, logConfig, internetAccess },
    ...Object.fromEntries(ofService.map((name) => [name, kept[name]])),
  });
  const [old, wanted] = [fields(before), fields(after)] as Record<string, unknown>[];
  const other = Object.keys(old ?? {}).find((name) => JSON.stringify(old?.[name]) !== JSON.stringify(wanted?.[name]));
  if (other)
    throw new Fault('InvalidArgument', `${other}: the service ${service} decides this for its functions; change it with UpdateService`);
}

function codeFields(
  incoming: IncomingPackage,
  note: string | undefined,
): Pick<FunctionRecord, 'codeSize' | 'codeChecksum' | 'codeDigest' | 'state' | 'stateReason'> {
  return {
    codeSize: incoming.size,
    codeChecksum: incoming.checksum,
    codeDigest: incoming.digest,
    state: 'Active',
    stateReason: note,
  };
}
