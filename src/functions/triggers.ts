import { z } from 'zod';
import { Fault } from '../faults/index.ts';
import { randomHex } from '../kit/index.ts';
import { type Catalogue, type Entry, type PageRequest, pageOf, refuseMore } from './catalogue.ts';
import { checkInput } from './input.ts';
import type { Part } from './parts.ts';
import { refuseStale, revisionOf } from './revision.ts';

/** A trigger as a record: no event source is watched. Times are epoch milliseconds. */
export interface TriggerInfo {
  triggerName: string;
  triggerType: string;
  triggerId: string;
  triggerConfig: string;
  description: string;
  qualifier: string;
  invocationRole: string;
  sourceArn: string;
  createdTime: number;
  lastModifiedTime: number;
  /** What If-Match names. */
  revision: string;
}

export interface Triggers {
  /** @throws Fault FunctionNotFound, TriggerAlreadyExists, InvalidArgument, LimitExceeded */
  create(name: string, input: unknown): Promise<TriggerInfo>;
  /** @throws Fault FunctionNotFound, TriggerNotFound, InvalidArgument, PreconditionFailed */
  update(name: string, trigger: string, input: unknown, ifMatch?: string): Promise<TriggerInfo>;
  /** @throws Fault FunctionNotFound, TriggerNotFound */
  get(name: string, trigger: string): TriggerInfo;
  list(name: string, page?: PageRequest): { triggers: TriggerInfo[]; nextToken?: string };
  /** @throws Fault FunctionNotFound, TriggerNotFound, PreconditionFailed */
  remove(name: string, trigger: string, ifMatch?: string): Promise<void>;
}

const mostTriggers = 100;
const text = z.string().max(512);
const patchSchema = z.object({
  description: text.optional(),
  invocationRole: text.optional(),
  qualifier: text.optional(),
  triggerConfig: z
    .string()
    .max(64 * 1024)
    .refine(isJson, 'must be JSON, as a text')
    .optional(),
});
const creationSchema = patchSchema.extend({
  triggerName: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,127}$/, 'must be 1 to 128 letters, digits, _ or -, and start with a letter or _'),
  triggerType: z.string().regex(/^[A-Za-z][\w-]{0,63}$/, 'must be the type of a trigger, such as timer, oss or http'),
  sourceArn: text.optional(),
});

function isJson(value: string): boolean {
  try {
    JSON.parse(value);
    return true;
  } catch {
    return value === '';
  }
}

export class OpenTriggers implements Triggers {
  readonly #catalogue: Catalogue;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  create(name: string, input: unknown): Promise<TriggerInfo> {
    const { triggerName: id, ...given } = checkInput(creationSchema, input);
    return this.#catalogue.inTurn(name, async () => {
      const entry = this.#catalogue.existing(name);
      if (this.#catalogue.part(entry, 'trigger', id))
        throw new Fault('TriggerAlreadyExists', `The function ${name} already has a trigger ${id}.`);
      refuseMore(entry, 'trigger', mostTriggers, 'triggers');
      return this.#put(entry, id, { triggerId: randomHex(16), ...given });
    });
  }

  update(name: string, id: string, input: unknown, ifMatch?: string): Promise<TriggerInfo> {
    const given = checkInput(patchSchema, input);
    return this.#catalogue.inTurn(name, async () => {
      const entry = this.#catalogue.existing(name);
      const part = this.#existing(entry, id);
      refuseStale(revisionOf(part), ifMatch);
      const { value } = part;
      return this.#put(entry, id, { ...value, ...Object.fromEntries(Object.entries(given).filter(([, field]) => field !== undefined)) });
    });
  }

  get(name: string, id: string): TriggerInfo {
    return info(this.#existing(this.#catalogue.existing(name), id));
  }

  list(name: string, page: PageRequest = {}): { triggers: TriggerInfo[]; nextToken?: string } {
    const { items, ...rest } = pageOf(this.#catalogue.partsOf(this.#catalogue.existing(name), 'trigger'), (part) => part.id, page);
    return { triggers: items.map(info), ...rest };
  }

  remove(name: string, id: string, ifMatch?: string): Promise<void> {
    return this.#catalogue.inTurn(name, async () => {
      const entry = this.#catalogue.existing(name);
      refuseStale(revisionOf(this.#existing(entry, id)), ifMatch);
      await this.#catalogue.drop(entry, 'trigger', id);
    });
  }

  async #put(entry: Entry, id: string, value: Record<string, unknown>): Promise<TriggerInfo> {
    const [part] = await this.#catalogue.put(entry, [{ kind: 'trigger', id, value }]);
    return info(part as Part<Record<string, unknown>>);
  }

  #existing(entry: Entry, id: string): Part<Record<string, unknown>> {
    const part = this.#catalogue.part(entry, 'trigger', id);
    if (!part) throw new Fault('TriggerNotFound', `The function ${entry.record.functionName} has no trigger ${id.slice(0, 128)}.`);
    return part;
  }
}

const empty = { triggerConfig: '', description: '', qualifier: 'LATEST', invocationRole: '', sourceArn: '' };

function info(part: Part<Record<string, unknown>>): TriggerInfo {
  const { id, value, createdTime, modifiedTime } = part;
  return { ...empty, ...value, triggerName: id, createdTime, lastModifiedTime: modifiedTime, revision: revisionOf(part) } as TriggerInfo;
}
