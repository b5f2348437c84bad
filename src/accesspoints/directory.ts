import { type NamedPolicy, parsePolicy } from '../identity/index.ts';
import type { Metadata } from '../metadata/index.ts';
import { accessPointArn, objectFcArn } from './name.ts';
import type { AccessPoint, ObjectFcAccessPoint, ObjectProcess, Resolved } from './record.ts';

interface AccessPointRow {
  name: string;
  bucket: string;
  alias: string;
  network_origin: 'internet' | 'vpc';
  vpc_id: string | null;
  created_at: number;
  policy: string | null;
  public_access_block: number;
}

interface ObjectFcRow {
  name: string;
  access_point: string;
  alias: string;
  config: string;
  allow_anonymous: number;
  public_access_block: number;
  policy: string | null;
  created_at: number;
}

const accessPointColumns = 'name, bucket, alias, network_origin, vpc_id, created_at, policy, public_access_block';
const objectFcColumns = 'name, access_point, alias, config, allow_anonymous, public_access_block, policy, created_at';
const pageOfRows = 500;

/** All access points in memory, as the tables have them; read at open and again after every write. Looking up costs no query. */
export class Directory {
  readonly #metadata: Metadata;
  readonly #accountId: string;
  readonly #region: string;
  readonly #accessPoints = new Map<string, AccessPoint>();
  readonly #objectFcs = new Map<string, ObjectFcAccessPoint>();
  readonly #aliases = new Map<string, Resolved>();

  constructor(metadata: Metadata, accountId: string, region: string) {
    this.#metadata = metadata;
    this.#accountId = accountId;
    this.#region = region;
    for (const row of this.#rows<AccessPointRow>('access_points', accessPointColumns)) this.#setAccessPoint(row);
    for (const row of this.#rows<ObjectFcRow>('object_fc_access_points', objectFcColumns)) this.#setObjectFc(row);
  }

  accessPoint(name: string): AccessPoint | undefined {
    return this.#accessPoints.get(name);
  }

  objectFc(name: string): ObjectFcAccessPoint | undefined {
    return this.#objectFcs.get(name);
  }

  byAlias(alias: string): Resolved | undefined {
    return this.#aliases.get(alias);
  }

  accessPoints(): IterableIterator<AccessPoint> {
    return this.#accessPoints.values();
  }

  objectFcs(): IterableIterator<ObjectFcAccessPoint> {
    return this.#objectFcs.values();
  }

  /** Takes an access point over from its row, or forgets it where there is none. */
  reloadAccessPoint(name: string): AccessPoint | undefined {
    const row = this.#metadata.get<AccessPointRow>(`select ${accessPointColumns} from access_points where name = ?`, [name]);
    const old = this.#accessPoints.get(name);
    if (!row) {
      this.#accessPoints.delete(name);
      if (old) this.#aliases.delete(old.alias);
      return undefined;
    }
    const accessPoint = this.#setAccessPoint(row);
    for (const objectFc of this.#objectFcs.values()) if (objectFc.accessPointName === name) this.#link(objectFc);
    return accessPoint;
  }

  /** Takes an Object FC access point over from its row, or forgets it where there is none. */
  reloadObjectFc(name: string): ObjectFcAccessPoint | undefined {
    const row = this.#metadata.get<ObjectFcRow>(`select ${objectFcColumns} from object_fc_access_points where name = ?`, [name]);
    if (row) return this.#setObjectFc(row);
    const old = this.#objectFcs.get(name);
    this.#objectFcs.delete(name);
    if (old) this.#aliases.delete(old.alias);
    return undefined;
  }

  *#rows<T extends { name: string }>(table: string, columns: string): Generator<T> {
    let after = '';
    for (;;) {
      const rows: T[] = this.#metadata.all<T>(`select ${columns} from ${table} where name > ? order by name limit ${pageOfRows}`, [after]);
      yield* rows;
      const last = rows.at(-1);
      if (!last || rows.length < pageOfRows) return;
      after = last.name;
    }
  }

  #setAccessPoint(row: AccessPointRow): AccessPoint {
    const accessPoint: AccessPoint = {
      name: row.name,
      bucket: row.bucket,
      alias: row.alias,
      arn: accessPointArn(this.#region, this.#accountId, row.name),
      accountId: this.#accountId,
      networkOrigin: row.network_origin,
      ...(row.vpc_id === null ? {} : { vpcId: row.vpc_id }),
      createdAt: row.created_at,
      status: 'enable',
      blockPublicAccess: row.public_access_block !== 0,
      ...policyOf(row.policy, `access point ${row.name}`),
    };
    this.#accessPoints.set(row.name, accessPoint);
    this.#aliases.set(row.alias, { kind: 'access-point', accessPoint });
    return accessPoint;
  }

  #setObjectFc(row: ObjectFcRow): ObjectFcAccessPoint {
    const { allowedFeatures, transformations, limits } = JSON.parse(row.config) as ObjectProcess;
    const objectFc: ObjectFcAccessPoint = {
      name: row.name,
      accessPointName: row.access_point,
      bucket: this.#accessPoints.get(row.access_point)?.bucket ?? '',
      alias: row.alias,
      arn: objectFcArn(this.#region, this.#accountId, row.name),
      accountId: this.#accountId,
      createdAt: row.created_at,
      status: 'enable',
      allowAnonymous: row.allow_anonymous !== 0,
      blockPublicAccess: row.public_access_block !== 0,
      allowedFeatures,
      transformations,
      ...(limits && { limits }),
      ...policyOf(row.policy, `Object FC access point ${row.name}`),
    };
    this.#objectFcs.set(row.name, objectFc);
    this.#link(objectFc);
    return objectFc;
  }

  #link(objectFc: ObjectFcAccessPoint): void {
    const supporting = this.#accessPoints.get(objectFc.accessPointName);
    if (supporting) this.#aliases.set(objectFc.alias, { kind: 'object-fc', objectFc, supporting });
  }
}

function policyOf(text: string | null, attachedTo: string): { policy?: string; policies: readonly NamedPolicy[] } {
  if (text === null) return { policies: [] };
  return { policy: text, policies: [{ name: `the policy of ${attachedTo}`, attachedTo, document: parsePolicy(text, 'resource') }] };
}
