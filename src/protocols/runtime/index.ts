/**
 * The FC Runtime API, version 2020-11-11: programs built with the vendor's Go SDK ask here for their calls and answer them.
 * It knows no function, no user and no store; the secret in the path is all that it looks at, and it decides nothing.
 * main puts it in front of the OSS dialect on the functions listener.
 */
export { createRuntimeDialect } from './runtime.ts';
