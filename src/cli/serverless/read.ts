import { resolve } from 'node:path';
import { CliFailure } from '../failure.ts';
import { readFunction2 } from './edition2.ts';
import { readFunction3 } from './edition3.ts';
import { Fields } from './fields.ts';
import type { Hook, Planned } from './plan.ts';
import { isMapping, type Source } from './source.ts';
import { type Lookups, Variables } from './variables.ts';

const top = ['edition', 'name', 'access', 'vars', 'resources', 'services', 'template'];

/**
 * Reads s.yaml: `resources` of edition 3.0.0, or `services` of the layout before. Each is one function of the component fc3, or fc.
 * @param wanted ids of the resources to deploy; all when there are none
 * @throws CliFailure 2 that has every fault with its line and field
 */
export function readPlans(source: Source, wanted: readonly string[], lookups: Lookups): Planned[] {
  const { value } = source;
  const section = value.services !== undefined && value.resources === undefined ? 'services' : 'resources';
  for (const name of Object.keys(value)) if (!top.includes(name)) source.note([name], 'is not carried out, and left out');
  const resources = value[section];
  if (!isMapping(resources)) {
    source.fault([section], value[section] === undefined ? 'is missing; there is nothing to deploy' : 'must be a mapping');
    source.check();
  }
  const ids = Object.keys(resources as Record<string, unknown>);
  const unknown = wanted.filter((id) => !ids.includes(id));
  if (unknown.length > 0) throw new CliFailure(2, `${source.path} has no ${unknown.join(', ')}; it has ${ids.join(', ')}.`);
  const variables = new Variables(source, lookups);
  const chosen = wanted.length > 0 ? ids.filter((id) => wanted.includes(id)) : ids;
  const plans = chosen.flatMap((id) => readResource(source, section, id, variables) ?? []);
  source.check();
  return plans;
}

function readResource(source: Source, section: string, id: string, variables: Variables): Planned | undefined {
  const path = [section, id];
  const fields = new Fields(source, path, variables.at(path));
  const component = fields.needed('component').split('@')[0];
  if (component !== '' && component !== 'fc3' && component !== 'fc') {
    source.note([...path, 'component'], `${component} is no component that Sluice knows (fc3, fc), and is left out`);
    return undefined;
  }
  const actions = fields.within('actions');
  const [before, after] = [hooksOf(source, actions, 'pre-deploy'), hooksOf(source, actions, 'post-deploy')];
  actions.rest('actions of other verbs are not run');
  if (!isMapping(fields.raw('props'))) {
    source.fault([...path, 'props'], 'must be a mapping');
    return undefined;
  }
  const props = fields.within('props');
  // A component fc in the newer layout, and fc3 in the older one, go by what they hold.
  const older = props.raw('function') !== undefined || props.raw('service') !== undefined;
  const read = older ? readFunction2(props) : readFunction3(props);
  return { ...read, ...{ id, path: props.path, before, after } };
}

function hooksOf(source: Source, actions: Fields, verb: string): Hook[] {
  return actions.items(verb).flatMap((action) => {
    const command = action.text('run');
    const folder = resolve(source.folder, action.text('path') ?? '.');
    action.rest('only "run" is carried out');
    return command === undefined ? [] : [{ command, folder }];
  });
}
