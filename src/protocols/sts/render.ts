import { Fault, type FaultCode } from '../../faults/index.ts';
import { writeXml, type XmlValue } from '../../kit/index.ts';

export type Format = 'JSON' | 'XML';

/** Codes of the house that the vendor's gateway calls otherwise (Alibaba Cloud API reference, "Common error codes"). */
const vendorCodes: Partial<Record<FaultCode, FaultCode>> = {
  InvalidAccessKeyId: 'InvalidAccessKeyId.NotFound',
  UserDisable: 'InvalidAccessKeyId.Inactive',
  InvalidSecurityToken: 'InvalidSecurityToken.Malformed',
  SecurityTokenExpired: 'InvalidSecurityToken.Expired',
  RequestTimeTooSkewed: 'InvalidTimeStamp.Expired',
  AccessDenied: 'NoPermission',
};

/** A fault under the vendor's name for it. */
export function vendorFault(fault: Fault): Fault {
  if (fault.code === 'SignatureDoesNotMatch') return new Fault(fault.code, fault.message, { cause: fault, status: 400 });
  const code = vendorCodes[fault.code];
  if (code === undefined) return fault;
  const keepsMessage = code === 'NoPermission' || code === 'InvalidSecurityToken.Malformed';
  return new Fault(code, keepsMessage ? fault.message : undefined, { cause: fault, headers: fault.headers });
}

/** A successful answer; fields in the order given. */
export function renderAnswer(action: string, answer: Record<string, XmlValue>, format: Format): { type: string; text: string } {
  if (format === 'JSON') return { type: 'application/json;charset=utf-8', text: JSON.stringify(answer) };
  return { type: 'text/xml;charset=utf-8', text: writeXml(`${action}Response`, answer) };
}

/** An error answer: Code, Message, RequestId, HostId, Recommend. */
export function renderError(fault: Fault, requestId: string, hostId: string, format: Format): { type: string; text: string } {
  const { code, message } = fault;
  const error = {
    ...{ RequestId: requestId, HostId: hostId, Code: code, Message: message },
    Recommend: `https://api.alibabacloud.com/troubleshoot?q=${encodeURIComponent(code)}&product=Sts`,
  };
  if (format === 'JSON') return { type: 'application/json;charset=utf-8', text: JSON.stringify(error) };
  return { type: 'text/xml;charset=utf-8', text: writeXml('Error', error) };
}
