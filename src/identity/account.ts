import { randomInt } from 'node:crypto';
import type { Fault } from '../faults/index.ts';
import { type Metadata, MetadataConflict, type Step } from '../metadata/index.ts';
import { defaultRoleSteps } from './service-roles.ts';

/** The account of a data folder, and the count of changes by which everything remembered about it is known to be stale. */
export class Account {
  readonly id: string;
  readonly metadata: Metadata;
  /** Epoch milliseconds. */
  readonly now: () => number;
  #revision = 0;

  constructor(id: string, metadata: Metadata, now: () => number) {
    this.id = id;
    this.metadata = metadata;
    this.now = now;
  }

  /** Grows with every change of a user, key, role, policy or attachment. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * Writes a change; it counts from the moment the promise resolves.
   * @throws what `refused` makes of the reason, when a step met something else than it expected
   */
  async change(steps: readonly Step[], refused: (reason: string) => Fault): Promise<void> {
    try {
      await this.metadata.write(steps);
    } catch (error) {
      throw error instanceof MetadataConflict ? refused(error.reason) : error;
    } finally {
      // After a failure too: what was written is unknown then.
      this.#revision += 1;
    }
  }
}

/** The account id and, in the same transaction at first start, the default roles: a role that is deleted later stays deleted. */
export async function openAccount(metadata: Metadata, given: string | undefined, now: () => number): Promise<Account> {
  if (given !== undefined && !/^\d{1,20}$/.test(given)) throw new Error('The account id must be 1 to 20 digits.');
  const stored = metadata.get<{ value: string }>('select value from settings where name = ?', ['account-id'])?.value;
  if (stored !== undefined) {
    if (given === undefined || given === stored) return new Account(stored, metadata, now);
    throw new Error(`The data folder belongs to account ${stored}, not ${given}. Leave the account id out, or use another folder.`);
  }
  const id = given ?? `${randomInt(1, 10)}${randomDigits(15)}`;
  await metadata.write([
    { sql: 'insert into settings (name, value) values (?, ?)', params: ['account-id', id] },
    ...defaultRoleSteps(id, now()),
  ]);
  return new Account(id, metadata, now);
}

/** `count` random decimal digits. */
export function randomDigits(count: number): string {
  let text = '';
  while (text.length < count) text += String(randomInt(0, 1e12)).padStart(12, '0');
  return text.slice(0, count);
}
