/**
 * The OSS wire dialect: hosts, paths, subresources, headers and XML become typed operations, and their results become answers.
 * It decides nothing: signatures, permissions, storage and transforms are the business of the rooms that it calls.
 * main hands it to the data and functions listeners.
 */
export type { OssRooms } from './call.ts';
export { type CallbackSigning, openCallbackSigning } from './callback-signing.ts';
export { createOssDialect, type OssDialect, type ReadTarget } from './dialect.ts';
export { type ExplainRooms, explainOss, type OssExplanation, type OssQuestion } from './explain.ts';
export { type ListedOperation, listOperations } from './listed.ts';
