import { Fault } from '../faults/index.ts';
import { randomHex } from '../kit/index.ts';

const accessPointSuffix = '-ossalias';
const objectFcSuffix = '-opapalias';
/** With 18 characters of the name, hyphen, 34 hex digits and suffix an alias has the 63 characters that a bucket name may have. */
const objectFcAliasName = 18;
const aliasDigits = 34;

/**
 * Checks the name of an access point: 3 to 19 of [a-z0-9-], no hyphen at either end, not ending in -ossalias (Alibaba OSS API
 * reference, CreateAccessPoint).
 * @throws Fault InvalidArgument
 */
export function checkAccessPointName(name: string): void {
  if (!isName(name, 3, 19) || name.endsWith(accessPointSuffix)) {
    throw new Fault(
      'InvalidArgument',
      'AccessPointName must be 3 to 19 lower-case letters, digits or hyphens, with no hyphen at either end and without -ossalias at the end.',
      { extra: { ArgumentName: 'AccessPointName', ArgumentValue: name } },
    );
  }
}

/**
 * Checks the name of an Object FC access point: 3 to 63 of [a-z0-9-], no hyphen at either end, not ending in -opapalias (Alibaba OSS
 * API reference, CreateAccessPointForObjectProcess).
 * @throws Fault InvalidArgument
 */
export function checkObjectFcName(name: string): void {
  if (!isName(name, 3, 63) || name.endsWith(objectFcSuffix)) {
    throw new Fault(
      'InvalidArgument',
      'AccessPointForObjectProcessName must be 3 to 63 lower-case letters, digits or hyphens, with no hyphen at either end and without -opapalias at the end.',
      { extra: { ArgumentName: 'AccessPointForObjectProcessName', ArgumentValue: name } },
    );
  }
}

function isName(name: string, least: number, most: number): boolean {
  return name.length >= least && name.length <= most && /^[a-z0-9-]+$/.test(name) && !name.startsWith('-') && !name.endsWith('-');
}

/** A new alias `<name>-<34 hex>-ossalias`, at most 63 characters. */
export function makeAccessPointAlias(name: string): string {
  return `${name}-${randomHex(aliasDigits / 2)}${accessPointSuffix}`;
}

/** A new alias `<up to 18 characters of the name>-<34 hex>-opapalias`, at most 63 characters, without a double hyphen at the cut. */
export function makeObjectFcAlias(name: string): string {
  return `${name.slice(0, objectFcAliasName).replace(/-+$/, '')}-${randomHex(aliasDigits / 2)}${objectFcSuffix}`;
}

/** Whether a name may be an alias at all; bucket names never end so. */
export function looksLikeAlias(name: string): boolean {
  return name.endsWith(accessPointSuffix) || name.endsWith(objectFcSuffix);
}

export function accessPointArn(region: string, accountId: string, name: string): string {
  return `acs:oss:${region}:${accountId}:accesspoint/${name}`;
}

export function objectFcArn(region: string, accountId: string, name: string): string {
  return `acs:oss:${region}:${accountId}:accesspointforobjectprocess/${name}`;
}

/** The name inside the first label of an endpoint's host: `<name>-<uid>`, for Object FC access points also `<name>-<uid>-opap`. */
export function nameInLabel(label: string, accountId: string, kind: 'access-point' | 'object-fc'): string | undefined {
  const bare = kind === 'object-fc' && label.endsWith('-opap') ? label.slice(0, -'-opap'.length) : label;
  const tail = `-${accountId}`;
  return bare.endsWith(tail) ? bare.slice(0, -tail.length) : undefined;
}
