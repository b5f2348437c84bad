/**
 * The operator's view of the server: /health/live, /health/ready and /metrics.
 * It changes nothing and shows nothing about users or objects; it needs no signature and so answers this machine alone unless told otherwise.
 * main puts it in front of another dialect on the control listener.
 */
export { createAdminDialect, createAdminRoutes, type PartState } from './admin.ts';
