import type { Command } from 'commander';
import { type Asking, asks } from './action.ts';
import { readDocument } from './document.ts';
import { printLine } from './output.ts';
import type { StoreAsked } from './store.ts';

/** Adds `policy get|put|delete` to a noun whose things have a policy of their own. @param at the request that names one, by the words of the command */
export function policyVerbs(noun: Command, what: string, words: string, at: (...words: string[]) => Omit<StoreAsked, 'method'>): void {
  const policy = noun.command('policy').description(`policy of ${what}`).exitOverride();
  asks<unknown>(
    policy.command(`get ${words}`).description('print the policy as it was put'),
    async ({ store }, ...given) => JSON.parse((await store.text({ method: 'GET', ...at(...given) })).text) as unknown,
    (document) => printLine(JSON.stringify(document, undefined, 2)),
  );
  asks<unknown>(
    policy.command(`put ${words} <document>`).description('set the policy from a JSON file, or from standard input (-)'),
    async ({ store }, ...given) => {
      await store.text({ method: 'PUT', ...at(...given), body: await readDocument(given.at(-1) ?? '-') });
    },
    () => printLine('The policy is set.'),
  );
  asks<unknown>(
    policy.command(`delete ${words}`).description('delete the policy'),
    async ({ store }: Asking, ...given) => {
      await store.text({ method: 'DELETE', ...at(...given) });
    },
    () => printLine('There is no policy any more.'),
  );
}
