import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Metadata, openMetadata } from '../metadata/index.ts';
import { type Identity, type IdentityOptions, openIdentity } from './index.ts';

export const accountId = '1234567890123456';
export const rootKey = { id: 'AKroot', secret: 'root-secret-1' };

/** An identity on a folder of its own, with a clock that the test sets. */
export interface TestIdentity {
  readonly identity: Identity;
  readonly metadata: Metadata;
  readonly folder: string;
  time: number;
  /** Another one on the same folder, as after a restart. */
  again(change?: Partial<IdentityOptions>): Promise<Identity>;
  close(): Promise<void>;
}

export async function openTestIdentity(): Promise<TestIdentity> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-identity-'));
  const metadata = await openMetadata({ file: join(folder, 'metadata.db'), durability: 'relaxed' });
  const clock = { time: 1_800_000_000_000 };
  const open = (change: Partial<IdentityOptions> = {}) =>
    openIdentity({ metadata, accountId, rootKey, keyFile: join(folder, 'keys.json'), now: () => clock.time, ...change });
  const identity = await open();
  return {
    ...{ identity, metadata, folder, again: open },
    get time() {
      return clock.time;
    },
    set time(ms) {
      clock.time = ms;
    },
    async close() {
      await identity.close();
      await metadata.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Text of a policy with these statements. */
export function policy(...statements: object[]): string {
  return JSON.stringify({ Version: '1', Statement: statements });
}

/** Text of a trust policy for these RAM principals. */
export function trust(...principals: string[]): string {
  return policy({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { RAM: principals } });
}
