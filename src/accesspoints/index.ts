/**
 * Access points and Object FC access points: their records, names, aliases, limits and policies, and what a name in the place of a
 * bucket stands for. It stores no objects, runs no functions and decides about no request.
 * The OSS dialect calls it for the access point operations and to resolve names; transforms reads its records.
 */
export { openAccessPoints } from './accesspoints.ts';
export type { Page, PageRequest } from './page.ts';
export type { AccessPointInput, AccessPointLimits, AccessPoints, AccessPointsOptions, ObjectFcChange, ObjectFcInput } from './port.ts';
export { type ObjectProcessInput, passthrough } from './process.ts';
export type { AccessPoint, ObjectFcAccessPoint, ObjectFcLimits, ObjectProcess, Resolved, Transformation } from './record.ts';
