import type { Fault } from './fault.ts';

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text safe inside an XML 1.0 element: markup escaped, characters that XML cannot carry replaced. */
function xmlText(value: string): string {
  return value.replace(/[&<>"]/g, (c) => escapes[c] as string).replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '\ufffd');
}

/**
 * A fault as OSS error XML (Alibaba OSS API reference, "Error responses"): Code, Message, RequestId, HostId, extras, EC, RecommendDoc.
 */
export function renderOssError(fault: Fault, requestId: string, hostId: string): string {
  const fields: [string, string][] = [
    ['Code', fault.code],
    ['Message', fault.message],
    ['RequestId', requestId],
    ['HostId', hostId],
    ...Object.entries(fault.extra),
    ['EC', fault.ec],
    ['RecommendDoc', `https://api.alibabacloud.com/troubleshoot?q=${fault.ec}`],
  ];
  const inner = fields.map(([name, value]) => `  <${name}>${xmlText(value)}</${name}>\n`).join('');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error>\n${inner}</Error>\n`;
}

/** A fault as Function Compute 3.0 error JSON (Code, Message, RequestId; @alicloud/fc20230330 reads these names). */
export function renderFcError(fault: Fault, requestId: string): string {
  return JSON.stringify({ Code: fault.code, Message: fault.message, RequestId: requestId, ...fault.extra });
}
