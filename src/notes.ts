import type { Instances } from './instances/index.ts';

/** What serves Python, Node.js and Java functions, in one line each, or what is missing. */
export function notesOf(instances: Instances, packages: string | undefined): string[] {
  const ready = instances.ready().filter(({ runtime }) => runtime.startsWith('python'));
  const served = ready.filter((runtime) => runtime.ok);
  const notes =
    served.length > 0
      ? [`Python functions run on ${served[0]?.interpreter} (${served[0]?.version})`]
      : ready.slice(0, 1).map((it) => it.note ?? '');
  if (served.length > 0 && packages === undefined) notes.push('Pillow is not on board; name a folder that holds it with --python-packages');
  const nodes = instances.ready().filter(({ runtime, ok }) => ok && runtime.startsWith('nodejs'));
  const shown = new Set(nodes.map(({ interpreter, version }) => `${interpreter} (${version})`));
  if (shown.size > 0) notes.push(`Node.js functions run on ${[...shown].join(' and ')}`);
  const java = instances.ready().find(({ runtime, ok }) => ok && runtime === 'java11');
  if (java) notes.push(`Java functions run on ${java.interpreter} (${java.version})`);
  notes.push(...instances.sandbox.notes);
  return notes;
}
