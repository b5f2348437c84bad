/**
 * Functions: their records, their code packages and the unpacked code that instances run; deploy, change, remove, resolve.
 * It starts no instance and speaks no wire dialect; it never imports or runs what users upload.
 * The Function Compute dialect and the command line deploy through it; transforms and instances resolve versions from it.
 */

export { functionArn, nameIn, namesOf, sessionNameOf, withQualifier } from './arn.ts';
export type { Configuration, ConfigurationKind, Configurations } from './configurations.ts';
export { openFunctions } from './functions.ts';
export type { LayerRecord } from './layer-table.ts';
export type { Layers } from './layers.ts';
export type { Functions, PackageFile } from './port.ts';
export type { FunctionRecord, FunctionVersion } from './record.ts';
export type { ServiceAlias } from './service-versions.ts';
export type { ServiceRecord, Services } from './services.ts';
export type { CheckedCode } from './store.ts';
export type { TagInfo } from './tags.ts';
export type { TriggerInfo } from './triggers.ts';
export type { Aliases, AliasInfo, VersionInfo, Versions } from './versions.ts';
