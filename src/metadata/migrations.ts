/** One step of the data format. Statements are portable SQL and run in one transaction. */
export interface Migration {
  version: number;
  statements: readonly string[];
}

/** All tables of all rooms. Append only: a released migration never changes. */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    statements: [
      `create table settings (name text not null primary key, value text not null)`,
      `create table buckets (
        name text not null primary key, owner text not null, created_at integer not null, region text not null, acl text not null,
        storage_class text not null, redundancy text not null, extra text not null default '{}')`,
      `create table objects (
        bucket text not null, key text not null, blob text not null, size integer not null, etag text not null, crc64 text not null,
        content_type text not null, headers text not null, meta text not null, created_at integer not null, modified_at integer not null,
        type text not null, storage_class text not null, primary key (bucket, key))`,
      // The sweep asks for a blob's row by the blob's id.
      `create unique index objects_blob on objects (blob)`,
      `create table garbage (blob text not null primary key, bucket text not null, key text not null, since integer not null)`,
      `create table access_keys (
        id text not null primary key, secret text not null, owner text not null, status text not null, created_at integer not null)`,
      `create table roles (
        name text not null primary key, arn text not null, trust text not null, policies text not null, created_at integer not null)`,
      `create table access_points (
        name text not null primary key, bucket text not null, alias text not null unique, network_origin text not null, vpc_id text,
        created_at integer not null, policy text, public_access_block integer not null default 0)`,
      `create index access_points_bucket on access_points (bucket)`,
      `create table object_fc_access_points (
        name text not null primary key, access_point text not null, alias text not null unique, config text not null,
        allow_anonymous integer not null default 0, public_access_block integer not null default 0, policy text,
        created_at integer not null)`,
      `create index object_fc_access_points_access_point on object_fc_access_points (access_point)`,
      `create table functions (
        name text not null primary key, record text not null, revision text not null, created_at integer not null,
        modified_at integer not null)`,
      `create table function_uids (name text not null primary key, uid integer not null unique)`,
    ],
  },
];

/** The data format that this program writes. */
export const dataFormat: number = migrations.at(-1)?.version ?? 0;
