import type { FunctionRecord } from '../../functions/index.ts';

function time(ms: number): string {
  return new Date(ms).toISOString();
}

/** A function as Function Compute 3.0 shows it (schema "Function" of API 2023-03-30). */
export function renderFunction(record: FunctionRecord): object {
  const { kept, codeDigest: _digest, revision: _revision, createdTime, lastModifiedTime, layers, ...rest } = record;
  return {
    ...kept,
    ...rest,
    layers: layers.map((arn) => ({ arn })),
    createdTime: time(createdTime),
    lastModifiedTime: time(lastModifiedTime),
  };
}
