import type { FunctionRecord, TagInfo } from '../../functions/index.ts';
import { isoTime } from './call.ts';

/** A function as Function Compute 3.0 shows it (schema "Function" of API 2023-03-30). */
export function renderFunction(
  record: FunctionRecord,
  restriction: { reason: string; since: number } | undefined,
  tags: readonly TagInfo[],
): object {
  const { fc2: _fc2, ...kept } = record.kept;
  const { kept: _kept, codeDigest: _digest, revision: _revision, layerCode = [], createdTime, lastModifiedTime, layers, ...rest } = record;
  return {
    ...kept,
    ...rest,
    layers: layers.map((arn) => ({ arn, size: layerCode.find((layer) => layer.arn === arn)?.size ?? 0 })),
    ...(tags.length > 0 ? { tags: tags.map(({ key, value }) => ({ Key: key, Value: value })) } : {}),
    ...(restriction
      ? { invocationRestriction: { disable: true, reason: restriction.reason, lastModifiedTime: isoTime(restriction.since) } }
      : {}),
    createdTime: isoTime(createdTime),
    lastModifiedTime: isoTime(lastModifiedTime),
  };
}
