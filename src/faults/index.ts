/**
 * The error table: every code that a client can meet, with its status, message and EC, and how it is rendered.
 * It decides nothing about when a fault occurs. Every room throws Fault; the dialects render it.
 */
export { Fault, type FaultOptions, toFault } from './fault.ts';
export { renderFcError, renderOssError } from './render.ts';
export { type FaultCode, faultTable } from './table.ts';
