import { Fault } from '../faults/index.ts';

/** Which page of a list: the largest number of entries, and the token of the page before. */
export interface PageRequest {
  readonly maxKeys?: number;
  readonly token?: string;
}

/** One page in order of names; `nextToken` is there exactly when it is truncated. */
export interface Page<T> {
  readonly accessPoints: readonly T[];
  readonly truncated: boolean;
  readonly nextToken?: string;
}

const prefix = 'v1:';

/**
 * Cuts one page out of records: those after the name inside the token, in order of names. A record that goes or comes between two
 * pages neither repeats nor hides another.
 * @param most largest page allowed; the default page is 100
 * @throws Fault InvalidArgument for a max-keys out of range or a continuation-token that is not ours
 */
export function cutPage<T extends { readonly name: string }>(
  records: Iterable<T>,
  { maxKeys = 100, token }: PageRequest,
  most: number,
): Page<T> {
  if (!Number.isInteger(maxKeys) || maxKeys < 1 || maxKeys > most) {
    throw new Fault('InvalidArgument', `max-keys must be a whole number from 1 to ${most}.`, {
      extra: { ArgumentName: 'max-keys', ArgumentValue: String(maxKeys) },
    });
  }
  const after = token === undefined ? '' : readToken(token);
  const rest = [...records].filter((record) => record.name > after).sort((a, b) => (a.name < b.name ? -1 : 1));
  const accessPoints = rest.slice(0, maxKeys);
  const last = accessPoints.at(-1);
  const truncated = rest.length > accessPoints.length;
  return truncated && last ? { accessPoints, truncated, nextToken: writeToken(last.name) } : { accessPoints, truncated };
}

function writeToken(name: string): string {
  return Buffer.from(prefix + name).toString('base64url');
}

function readToken(token: string): string {
  const text = token.length > 256 ? '' : Buffer.from(token, 'base64url').toString();
  if (!text.startsWith(prefix)) {
    throw new Fault('InvalidArgument', 'The continuation-token is not one that an earlier page gave.', {
      extra: { ArgumentName: 'continuation-token', ArgumentValue: token.slice(0, 256) },
    });
  }
  return text.slice(prefix.length);
}
