/**
 * The metadata database: every record that Sluice keeps (buckets, objects, keys, access points, functions), with all tables and migrations.
 * It holds no object bytes and knows no rule about what the rows mean. Rooms from the third floor up call it with portable SQL.
 */
export { type Metadata, MetadataConflict, MetadataError, type SqlValue, type Step } from './port.ts';
export { openSqlite as openMetadata } from './sqlite/open.ts';
export { type MetadataReader, openSqliteReader as openMetadataReader } from './sqlite/reader.ts';
