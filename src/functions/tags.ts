import { z } from 'zod';
import { Fault } from '../faults/index.ts';
import type { Catalogue, Entry } from './catalogue.ts';
import { checkInput } from './input.ts';

/** One tag of one function. */
export interface TagInfo {
  resourceArn: string;
  key: string;
  value: string;
}

export interface Tags {
  /** Adds tags to functions, named by ARN or name. @throws Fault FunctionNotFound, InvalidArgument, LimitExceeded */
  put(resources: readonly string[], tags: unknown): Promise<void>;
  /** Removes tags by key, or all with undefined. @throws Fault FunctionNotFound */
  remove(resources: readonly string[], keys: readonly string[] | undefined): Promise<void>;
  /** Tags of functions, or of all; only those that carry every tag of `filter` (a value left out stands for any). @throws Fault FunctionNotFound */
  list(resources?: readonly string[], filter?: readonly { key: string; value?: string | undefined }[]): TagInfo[];
}

export const mostTags = 20;
const mostResources = 50;
export const tagsSchema = z.record(z.string().min(1).max(128), z.string().max(256));

export class OpenTags implements Tags {
  readonly #catalogue: Catalogue;
  readonly #own: { region: string; accountId: string };

  constructor(catalogue: Catalogue, own: { region: string; accountId: string }) {
    this.#catalogue = catalogue;
    this.#own = own;
  }

  async put(resources: readonly string[], tags: unknown): Promise<void> {
    const given = checkInput(tagsSchema, tags, 'tag');
    await this.#each(resources, (entry) => {
      const value = { ...this.#of(entry), ...given };
      if (Object.keys(value).length > mostTags) throw new Fault('LimitExceeded', `A function may have ${mostTags} tags.`, { status: 400 });
      return value;
    });
  }

  async remove(resources: readonly string[], keys: readonly string[] | undefined): Promise<void> {
    await this.#each(resources, (entry) =>
      keys === undefined ? {} : Object.fromEntries(Object.entries(this.#of(entry)).filter(([key]) => !keys.includes(key))),
    );
  }

  list(resources?: readonly string[], filter: readonly { key: string; value?: string | undefined }[] = []): TagInfo[] {
    const entries = resources?.length ? this.#entries(resources) : [...this.#catalogue.all()];
    return entries
      .filter((entry) => filter.every(({ key, value }) => fits(this.#of(entry)[key], value)))
      .sort((a, b) => (a.record.functionName < b.record.functionName ? -1 : 1))
      .flatMap((entry) => Object.entries(this.#of(entry)).map(([key, value]) => ({ resourceArn: entry.record.functionArn, key, value })));
  }

  #of(entry: Entry): Record<string, string> {
    return this.#catalogue.part(entry, 'tags', '')?.value ?? {};
  }

  #entries(resources: readonly string[]): Entry[] {
    if (resources.length > mostResources) throw new Fault('InvalidArgument', `ResourceId: at most ${mostResources} at once`);
    return resources.map((resource) => this.#catalogue.referred(resource, this.#own).entry);
  }

  async #each(resources: readonly string[], change: (entry: Entry) => Record<string, string>): Promise<void> {
    if (resources.length === 0) throw new Fault('InvalidArgument', 'ResourceId: name at least one function by its ARN');
    for (const { record } of this.#entries(resources)) {
      await this.#catalogue.inTurn(record.functionName, async () => {
        const entry = this.#catalogue.existing(record.functionName);
        await this.#catalogue.put(entry, [{ kind: 'tags', id: '', value: change(entry) }]);
      });
    }
  }
}

function fits(own: string | undefined, wanted: string | undefined): boolean {
  return own !== undefined && (wanted === undefined || own === wanted);
}
