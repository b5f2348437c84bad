/**
 * The dialect of STS: AssumeRole and GetCallerIdentity over the RPC wire of the vendor's SDKs, signed with HMAC-SHA1 parameters or ACS3.
 * It decides nothing: who may assume which role is the business of identity. It keeps nothing but the nonces that it has seen.
 * main puts it in front of another dialect on the control listener, where it answers `/`.
 */
export { createStsDialect, type StsRooms } from './dialect.ts';
