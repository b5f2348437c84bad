/**
 * The operator's view of the server: /health/live, /health/ready and /metrics, and the JSON API below /admin/v1 for users, keys, roles and policies.
 * It decides nothing: the rules are those of identity. Health and metrics need no signature and so answer this machine alone unless told otherwise.
 * main puts it in front of another dialect on the control listener.
 */
export { createAdminDialect, createAdminRoutes, type PartState } from './admin.ts';
export type { ApiRooms } from './call.ts';
export type { Explained } from './explain.ts';
export { operations as adminOperations } from './operations.ts';
