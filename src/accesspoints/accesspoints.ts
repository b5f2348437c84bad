import type { BucketGuard, Store } from '../buckets/index.ts';
import { Fault } from '../faults/index.ts';
import { parsePolicy } from '../identity/index.ts';
import { now } from '../kit/index.ts';
import { type Metadata, MetadataConflict, type SqlValue, type Step } from '../metadata/index.ts';
import { Directory } from './directory.ts';
import { checkAccessPointName, checkObjectFcName, looksLikeAlias, makeAccessPointAlias, makeObjectFcAlias, nameInLabel } from './name.ts';
import { cutPage, type Page, type PageRequest } from './page.ts';
import type { AccessPointInput, AccessPointLimits, AccessPoints, AccessPointsOptions, ObjectFcChange, ObjectFcInput } from './port.ts';
import { readObjectProcess } from './process.ts';
import type { AccessPoint, ObjectFcAccessPoint, Resolved } from './record.ts';

/** Opens the access points of an account, all of them read into memory. */
export function openAccessPoints(options: AccessPointsOptions): AccessPoints {
  return new OpenAccessPoints(options);
}

class OpenAccessPoints implements AccessPoints {
  readonly #metadata: Metadata;
  readonly #buckets: Pick<Store, 'bucket'>;
  readonly #accountId: string;
  readonly #limits: AccessPointLimits;
  readonly #directory: Directory;

  constructor({ metadata, buckets, accountId, region, limits }: AccessPointsOptions) {
    this.#metadata = metadata;
    this.#buckets = buckets;
    this.#accountId = accountId;
    this.#limits = { perAccount: 1_000, perBucket: 100, ...limits };
    this.#directory = new Directory(metadata, accountId, region);
  }

  resolve(name: string): Resolved | undefined {
    if (looksLikeAlias(name)) return this.#directory.byAlias(name);
    const bucket = this.#buckets.bucket(name);
    return bucket && { kind: 'bucket', bucket };
  }

  resolveEndpoint(label: string, kind: 'access-point' | 'object-fc'): Resolved | undefined {
    const name = nameInLabel(label, this.#accountId, kind);
    if (name === undefined) return undefined;
    const point = kind === 'access-point' ? this.#directory.accessPoint(name) : this.#directory.objectFc(name);
    return point && this.#directory.byAlias(point.alias);
  }

  async create(bucket: string, { name, networkOrigin, vpcId }: AccessPointInput): Promise<AccessPoint> {
    this.#checkBucket(bucket);
    checkAccessPointName(name);
    if (networkOrigin === 'vpc' && !vpcId) throw new Fault('InvalidArgument', 'VpcId is needed when NetworkOrigin is vpc.');
    if (this.#directory.accessPoint(name)) throw alreadyExists(name);
    const { perAccount, perBucket } = this.#limits;
    const step: Step = {
      sql: `insert into access_points (name, bucket, alias, network_origin, vpc_id, created_at)
        select ?, ?, ?, ?, ?, ? where exists (select 1 from buckets where name = ?)
          and (select count(*) from access_points) < ? and (select count(*) from access_points where bucket = ?) < ?`,
      params: [
        ...[name, bucket, makeAccessPointAlias(name), networkOrigin, networkOrigin === 'vpc' ? (vpcId as string) : null, now()],
        ...[bucket, perAccount, bucket, perBucket],
      ],
    };
    await this.#insert(
      step,
      () => alreadyExists(name),
      () => {
        this.#checkBucket(bucket);
        return new Fault('TooManyAccessPoints', `There may be ${perAccount} access points in an account and ${perBucket} on a bucket.`);
      },
    );
    return this.#directory.reloadAccessPoint(name) ?? missing(name);
  }

  get(bucket: string | undefined, name: string): AccessPoint {
    if (bucket !== undefined) this.#checkBucket(bucket);
    const accessPoint = this.#directory.accessPoint(name);
    if (!accessPoint || (bucket !== undefined && accessPoint.bucket !== bucket)) return missing(name);
    return accessPoint;
  }

  list({ bucket, ...page }: PageRequest & { bucket?: string }): Page<AccessPoint> {
    if (bucket === undefined) return cutPage(this.#directory.accessPoints(), page, 1_000);
    this.#checkBucket(bucket);
    return cutPage(
      [...this.#directory.accessPoints()].filter((point) => point.bucket === bucket),
      page,
      100,
    );
  }

  async remove(bucket: string, name: string): Promise<void> {
    this.get(bucket, name);
    const unused = `delete from access_points where name = ? and bucket = ?
      and not exists (select 1 from object_fc_access_points where access_point = ?)`;
    try {
      await this.#metadata.write([{ sql: unused, params: [name, bucket, name], expect: { changes: 1, otherwise: 'in-use' } }]);
    } catch (error) {
      if (!(error instanceof MetadataConflict)) throw error;
      const users = this.#metadata.all<{ name: string }>(
        'select name from object_fc_access_points where access_point = ? order by name limit 100',
        [name],
      );
      if (users.length === 0) return missing(name);
      const names = users.map((user) => user.name).join(', ');
      throw new Fault('AccessPointInUse', `The access point ${name} supports Object FC access points; delete them first: ${names}.`);
    }
    this.#directory.reloadAccessPoint(name);
  }

  async setPolicy(bucket: string, name: string, policy: string | undefined): Promise<void> {
    this.get(bucket, name);
    if (policy !== undefined) parsePolicy(policy, 'resource');
    await this.#changeAccessPoint(name, 'policy', policy ?? null);
  }

  async setPublicAccessBlock(bucket: string, name: string, block: boolean): Promise<void> {
    this.get(bucket, name);
    await this.#changeAccessPoint(name, 'public_access_block', block ? 1 : 0);
  }

  async #changeAccessPoint(name: string, column: 'policy' | 'public_access_block', value: SqlValue): Promise<void> {
    const [step] = await this.#metadata.write([{ sql: `update access_points set ${column} = ? where name = ?`, params: [value, name] }]);
    this.#directory.reloadAccessPoint(name);
    if (step?.changes === 0) missing(name);
  }

  async createObjectFc(
    bucket: string,
    { name, accessPointName, allowAnonymous = false, ...process }: ObjectFcInput,
  ): Promise<ObjectFcAccessPoint> {
    this.#checkBucket(bucket);
    checkObjectFcName(name);
    const config = JSON.stringify(readObjectProcess(process));
    this.get(bucket, accessPointName);
    if (this.#directory.objectFc(name)) throw objectFcAlreadyExists(name);
    const { perAccount, perBucket } = this.#limits;
    const step: Step = {
      sql: `insert into object_fc_access_points (name, access_point, alias, config, allow_anonymous, created_at)
        select ?, ?, ?, ?, ?, ? where exists (select 1 from access_points where name = ? and bucket = ?)
          and (select count(*) from object_fc_access_points) < ?
          and (select count(*) from object_fc_access_points o join access_points a on a.name = o.access_point where a.bucket = ?) < ?`,
      params: [
        ...[name, accessPointName, makeObjectFcAlias(name), config, allowAnonymous ? 1 : 0, now()],
        ...[accessPointName, bucket, perAccount, bucket, perBucket],
      ],
    };
    await this.#insert(
      step,
      () => objectFcAlreadyExists(name),
      () => {
        this.get(bucket, accessPointName);
        return new Fault(
          'TooManyAccessPointsForObjectProcess',
          `There may be ${perAccount} Object FC access points in an account and ${perBucket} on a bucket.`,
        );
      },
    );
    return this.#directory.reloadObjectFc(name) ?? missingObjectFc(name);
  }

  getObjectFc(bucket: string | undefined, name: string): ObjectFcAccessPoint {
    if (bucket !== undefined) this.#checkBucket(bucket);
    const objectFc = this.#directory.objectFc(name);
    if (!objectFc || (bucket !== undefined && objectFc.bucket !== bucket)) return missingObjectFc(name);
    return objectFc;
  }

  listObjectFc(request: PageRequest): Page<ObjectFcAccessPoint> {
    return cutPage(this.#directory.objectFcs(), request, 1_000);
  }

  async removeObjectFc(bucket: string, name: string): Promise<void> {
    this.getObjectFc(bucket, name);
    const [step] = await this.#metadata.write([{ sql: 'delete from object_fc_access_points where name = ?', params: [name] }]);
    this.#directory.reloadObjectFc(name);
    if (step?.changes === 0) missingObjectFc(name);
  }

  async configureObjectFc(bucket: string, name: string, change: ObjectFcChange): Promise<ObjectFcAccessPoint> {
    this.getObjectFc(bucket, name);
    const columns: [name: string, value: SqlValue][] = [];
    if (change.allowedFeatures || change.transformations) columns.push(['config', JSON.stringify(readObjectProcess(change))]);
    if (change.allowAnonymous !== undefined) columns.push(['allow_anonymous', change.allowAnonymous ? 1 : 0]);
    if (change.blockPublicAccess !== undefined) columns.push(['public_access_block', change.blockPublicAccess ? 1 : 0]);
    return this.#changeObjectFc(name, columns);
  }

  async setObjectFcPolicy(bucket: string, name: string, policy: string | undefined): Promise<void> {
    this.getObjectFc(bucket, name);
    if (policy !== undefined) parsePolicy(policy, 'resource');
    await this.#changeObjectFc(name, [['policy', policy ?? null]]);
  }

  async #changeObjectFc(name: string, columns: readonly [name: string, value: SqlValue][]): Promise<ObjectFcAccessPoint> {
    if (columns.length > 0) {
      const sql = `update object_fc_access_points set ${columns.map(([column]) => `${column} = ?`).join(', ')} where name = ?`;
      await this.#metadata.write([{ sql, params: [...columns.map(([, value]) => value), name] }]);
    }
    return this.#directory.reloadObjectFc(name) ?? missingObjectFc(name);
  }

  blocking(bucket: string): string[] {
    return [...this.#directory.accessPoints()]
      .filter((point) => point.bucket === bucket)
      .map((point) => point.name)
      .sort();
  }

  deletionGuard(bucket: string): BucketGuard {
    return {
      sql: 'not exists (select 1 from access_points where bucket = ?)',
      params: [bucket],
      fault: () => {
        const sql = 'select name from access_points where bucket = ? order by name limit 100';
        const names = this.#metadata.all<{ name: string }>(sql, [bucket]).map((row) => row.name);
        return new Fault('BucketNotEmpty', `The bucket still has access points; delete them first: ${names.join(', ')}.`, {
          extra: { BucketName: bucket },
        });
      },
    };
  }

  #checkBucket(bucket: string): void {
    if (!this.#buckets.bucket(bucket)) throw new Fault('NoSuchBucket', undefined, { extra: { BucketName: bucket } });
  }

  /** Inserts the row, or throws what says why not: the name is taken, or the row's own conditions do not hold. */
  async #insert(step: Step, taken: () => Fault, refused: () => Fault): Promise<void> {
    try {
      await this.#metadata.write([{ ...step, expect: { changes: 1, otherwise: 'refused' } }]);
    } catch (error) {
      if (!(error instanceof MetadataConflict)) throw error;
      throw error.reason === 'unique' ? taken() : refused();
    }
  }
}

function alreadyExists(name: string): Fault {
  return new Fault('AccessPointAlreadyExists', `There is an access point ${name} already. Names are unique in an account.`);
}

function objectFcAlreadyExists(name: string): Fault {
  return new Fault(
    'AccessPointForObjectProcessAlreadyExists',
    `There is an Object FC access point ${name} already. Names are unique in an account.`,
  );
}

function missing(name: string): never {
  throw new Fault('NoSuchAccessPoint', undefined, { extra: { AccessPointName: name } });
}

function missingObjectFc(name: string): never {
  throw new Fault('NoSuchAccessPointForObjectProcess', undefined, { extra: { AccessPointNameForObjectProcess: name } });
}
