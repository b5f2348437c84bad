import { hash } from 'node:crypto';
import { randomToken } from '../kit/index.ts';

/** A new output token: unguessable, in the form that the vendor's events show (`OSSV1#` and base64 text). */
export function mintToken(): string {
  return `OSSV1#${randomToken(96)}`;
}

/** What tables are keyed by instead of the token itself, so that a look-up's timing tells nothing about a live token. */
export function tokenDigest(token: string): string {
  return hash('sha256', token, 'base64');
}
