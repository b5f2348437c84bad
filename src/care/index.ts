/**
 * The care of stored data: a scrubber beside the server, and check, repair, backup and restore of a data folder; and which encryption keys must be there.
 * It serves no request and changes no object; it compares records with bytes and says what differs.
 * The composition roots call it: the server's, and that of `sluice data`.
 */
export { type BackupReport, backUp, type DataPlaces, restore } from './backup.ts';
export { checkData, type Report } from './check.ts';
export { DamageNotes } from './damage.ts';
export type { Problem } from './examine.ts';
export { findBlobKeys, openBlobKeys } from './keys.ts';
export { type Outcome, type Repair, repairData } from './repair.ts';
export { Scrubber } from './scrubber.ts';
