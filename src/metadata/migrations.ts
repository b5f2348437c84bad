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
  {
    version: 2,
    statements: [
      `alter table buckets add column policy text`,
      `alter table buckets add column public_access_block integer not null default 0`,
      `alter table objects add column acl text not null default 'default'`,
    ],
  },
  {
    version: 3,
    statements: [
      `create table users (
        name text not null primary key, id text not null unique, shown text not null, display_name text not null, comment text not null,
        status text not null, created_at integer not null, updated_at integer not null)`,
      `create table policies (
        name text not null primary key, shown text not null, description text not null, document text not null,
        created_at integer not null, updated_at integer not null)`,
      `create table attachments (
        kind text not null, holder text not null, policy text not null, attached_at integer not null, primary key (kind, holder, policy))`,
      `create index attachments_policy on attachments (policy)`,
      `create table key_uses (id text not null primary key, used_at integer not null, service text not null)`,
      `create index access_keys_owner on access_keys (owner)`,
      `alter table roles add column description text not null default ''`,
      `alter table roles add column max_session integer not null default 3600`,
    ],
  },
  {
    version: 4,
    statements: [
      // Everything that belongs to a function beside its settings: versions, aliases, triggers, scaling, asynchronous calls, tags.
      `create table function_parts (
        function text not null, kind text not null, id text not null, value text not null, created_at integer not null,
        modified_at integer not null, primary key (function, kind, id))`,
      `create table layers (
        name text not null, version integer not null, record text not null, created_at integer not null, primary key (name, version))`,
      `create table async_tasks (
        function text not null, id text not null, record text not null, event blob not null, status text not null, due integer not null,
        created_at integer not null, finished_at integer not null default 0, primary key (function, id))`,
      `create index async_tasks_due on async_tasks (finished_at, due)`,
    ],
  },
  {
    version: 5,
    statements: [
      // The blobs of an upload in parts, and of the object that is made of them; owner is the upload, later the object's blob.
      `create table pieces (
        owner text not null, number integer not null, blob text not null, size integer not null, etag text not null, crc64 text not null,
        modified_at integer not null, primary key (owner, number))`,
      `create unique index pieces_blob on pieces (blob)`,
      // writes counts the changes of its parts, so that nothing is completed that changed meanwhile.
      `create table uploads (
        id text not null primary key, bucket text not null, key text not null, created_at integer not null, content_type text not null,
        headers text not null, meta text not null, storage_class text not null, acl text not null, tags text not null,
        writes integer not null default 0)`,
      `create index uploads_bucket on uploads (bucket, key, id)`,
      `alter table objects add column pieces integer not null default 0`,
      `alter table objects add column tags text not null default ''`,
      `alter table objects add column target text`,
    ],
  },
  {
    version: 6,
    statements: [
      // An object's current version stays in objects; versions holds the older ones and the delete markers, the newest of a key first.
      `alter table buckets add column versioning text not null default ''`,
      `alter table objects add column version text not null default 'null'`,
      `alter table objects add column null_version integer not null default 1`,
      `create table versions (
        bucket text not null, key text not null, version text not null, null_version integer not null, marker integer not null,
        since integer not null, blob text not null, size integer not null, etag text not null, crc64 text not null,
        content_type text not null, headers text not null, meta text not null, created_at integer not null, modified_at integer not null,
        type text not null, storage_class text not null, acl text not null, pieces integer not null, tags text not null, target text,
        primary key (bucket, key, version))`,
      `create unique index versions_null on versions (bucket, key) where null_version = 1`,
      `create index versions_blob on versions (blob)`,
      `alter table uploads add column aged_from integer not null default 0`,
    ],
  },
  {
    version: 7,
    statements: [
      // Which archived objects can be read for now, by their content.
      `create table restores (blob text not null primary key, ready_at integer not null, until integer not null)`,
    ],
  },
];

/** The data format that this program writes. */
export const dataFormat: number = migrations.at(-1)?.version ?? 0;
