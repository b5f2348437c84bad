import { Fault } from '../faults/index.ts';

/** What kind of code a runtime runs; handlers are written alike within a family. */
export type Family = 'python' | 'node' | 'java' | 'go' | 'custom' | 'container';

/** Runtimes that this version runs, in the vendor's spelling; nodejs22 and nodejs24 are ours. */
const families: ReadonlyMap<string, Family> = new Map<string, Family>([
  ['python3', 'python'],
  ['python3.9', 'python'],
  ['python3.10', 'python'],
  ['python3.12', 'python'],
  ['nodejs16', 'node'],
  ['nodejs18', 'node'],
  ['nodejs20', 'node'],
  ['nodejs22', 'node'],
  ['nodejs24', 'node'],
  ['java8', 'java'],
  ['java11', 'java'],
  ['go1', 'go'],
  ['custom', 'custom'],
  ['custom.debian10', 'custom'],
  ['custom.debian11', 'custom'],
  ['custom.debian12', 'custom'],
  ['custom-container', 'container'],
]);

export const runtimes: readonly string[] = [...families.keys()];

/** The other runtime names of Function Compute 3.0 ("CreateFunctionInput", runtime), and the one to use instead. */
const vendorRuntimes: ReadonlyMap<string, string> = new Map([
  ['python2.7', 'python3.9'],
  ['python3.6', 'python3.9'],
  ['nodejs8', 'nodejs16'],
  ['nodejs10', 'nodejs16'],
  ['nodejs12', 'nodejs16'],
  ['nodejs14', 'nodejs16'],
  ['php7.2', 'custom'],
  ['dotnetcore2.1', 'custom'],
  ['dotnetcore3.1', 'custom'],
  ['micro-sandbox', 'custom'],
]);

/** The family of a runtime. @throws Fault InvalidArgument unless this version runs it */
export function familyOf(runtime: string): Family {
  const family = families.get(runtime);
  if (family) return family;
  const instead = vendorRuntimes.get(runtime);
  if (instead) throw new Fault('InvalidArgument', `runtime ${runtime} is not carried out by this version; use ${instead}`);
  throw new Fault(
    'InvalidArgument',
    `runtime ${JSON.stringify(runtime.slice(0, 64))} is not known; supported: ${[...families.keys()].join(', ')}`,
  );
}

interface HandlerRule {
  form: RegExp;
  says: string;
}

const fileMethod = /^[^\0\r\n]{1,126}\.[^\0\r\n./]{1,64}$/;
const javaName = '[\\p{L}_$][\\p{L}\\p{N}_$]{0,100}';

const rules: Record<Family, HandlerRule> = {
  // `index.handler`, `pkg/index.handler`: a method of a module.
  python: { form: fileMethod, says: 'must be FILE.METHOD, such as index.handler' },
  // `index` alone is a module whose default export has a fetch method.
  node: {
    form: /^[^\0\r\n]{1,128}$/,
    says: 'must be FILE.METHOD, such as index.handler, or FILE for a module with `export default { fetch }`',
  },
  java: {
    form: new RegExp(`^(?:${javaName}\\.){0,20}${javaName}::${javaName}$`, 'u'),
    says: 'must be [PACKAGE.]CLASS::METHOD, such as example.App::handleRequest',
  },
  // The file is looked up in the code folder, which it may not leave.
  go: {
    form: /^(?!\/)(?!(?:[^\0\r\n]*\/)?\.\.(?:\/|$))[^\0\r\n]{1,128}$/,
    says: 'must be the path of the program in the package, such as main or bin/main',
  },
  custom: { form: /^[^\0\r\n]{0,128}$/, says: 'must be one line of at most 128 characters' },
  container: { form: /^[^\0\r\n]{0,128}$/, says: 'must be one line of at most 128 characters' },
};

/** Programs register their hooks themselves; what the setting says only turns them on. */
const freeHook: HandlerRule = rules.custom;

/** @param field `handler`, or the name of a lifecycle hook @throws Fault InvalidArgument */
export function checkHandler(family: Family, field: string, handler: string): void {
  const rule = field !== 'handler' && family === 'go' ? freeHook : rules[family];
  if (!rule.form.test(handler)) throw new Fault('InvalidArgument', `${field}: ${rule.says}`);
}
