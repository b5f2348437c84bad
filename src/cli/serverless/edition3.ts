import type { Fields } from './fields.ts';
import type { CodeSource, Planned, PlannedTrigger } from './plan.ts';

export type Read = Omit<Planned, 'id' | 'path' | 'before' | 'after'>;

const texts = ['description', 'runtime', 'handler'];
const numbers = ['timeout', 'memorySize', 'cpu', 'diskSize', 'instanceConcurrency', 'idleTimeout'];
const flags = ['internetAccess', 'disableOndemand'];
const mappings = ['instanceLifecycleConfig', 'customRuntimeConfig', 'customContainerConfig', 'customDNS'];
/** Kept by the server as records. `auto` would make them at the vendor. */
const records = ['logConfig', 'vpcConfig', 'nasConfig', 'ossMountConfig', 'gpuConfig', 'tracingConfig'];
/** Where the tool would send its requests; the command's own endpoints count. */
const aside = ['region', 'endpoint'];
/** What the component fc3 and the API set where nothing is said. */
const usualTimeout = 3;

/** The props of a function in the layout of edition 3.0.0. */
export function readFunction3(props: Fields): Read {
  for (const name of aside) props.raw(name);
  const functionName = props.needed('functionName');
  const runtime = props.needed('runtime');
  const role = roleOf(props);
  const settings = defined({
    timeout: usualTimeout,
    ...simple(props, { texts, numbers, flags, mappings }),
    environmentVariables: props.texts('environmentVariables'),
    layers: layersOf(props),
    ...recordsOf(props, records),
  });
  const code = runtime === 'custom-container' && props.raw('code') === undefined ? undefined : codeOf(props, 'code');
  const read = { functionName, settings, code, ...(role === undefined ? {} : { role }) };
  const configurations = [
    ...configurationOf(props, 'asyncInvokeConfig', 'async-invoke-config'),
    ...configurationOf(props, 'concurrencyConfig', 'concurrency'),
    ...configurationOf(props, 'provisionConfig', 'provision-config'),
    ...configurationOf(props, 'scalingConfig', 'scaling-config'),
  ];
  const triggers = props
    .items('triggers')
    .map((each) => triggerOf(each, { name: 'triggerName', type: 'triggerType', config: 'triggerConfig', role: 'invocationRole' }));
  const tags = props.items('tags').map((each) => ({ Key: each.needed('key'), Value: each.text('value') ?? '' }));
  props.rest();
  return { ...read, configurations, triggers, tags };
}

/** Fields by their type, those that are given. */
export function simple(
  fields: Fields,
  names: Record<'texts' | 'numbers' | 'flags' | 'mappings', readonly string[]>,
): Record<string, unknown> {
  return defined({
    ...Object.fromEntries(names.texts.map((name) => [name, fields.text(name)])),
    ...Object.fromEntries(names.numbers.map((name) => [name, fields.number(name)])),
    ...Object.fromEntries(names.flags.map((name) => [name, fields.flag(name)])),
    ...Object.fromEntries(names.mappings.map((name) => [name, fields.mapping(name)])),
  });
}

/** Mappings that the server keeps; anything else, such as `auto`, is left out and told. */
export function recordsOf(fields: Fields, names: readonly string[]): Record<string, unknown> {
  return defined(
    Object.fromEntries(
      names.map((name) => {
        const value = fields.raw(name);
        if (value === undefined || typeof value === 'object') return [name, fields.mapping(name)];
        fields.source.note([...fields.path, name], `${String(value)} would be made at the vendor, and is left out`);
        return [name, undefined];
      }),
    ),
  );
}

/** Name or ARN of the role; one that the vendor's tool would make is left out and told. */
export function roleOf(fields: Fields): string | undefined {
  const value = fields.raw('role');
  if (value !== 'auto' && (value === null || typeof value !== 'object')) return fields.text('role');
  fields.source.note([...fields.path, 'role'], 'is not made; the function acts as AliyunFCDefaultRole. Make one: sluice role create');
  return undefined;
}

export function layersOf(fields: Fields): string[] | undefined {
  if (fields.raw('layers') === undefined) return undefined;
  return fields.list('layers').flatMap((each, i) => {
    if (typeof each === 'string') return [each];
    fields.source.fault([...fields.path, 'layers', i], 'must be the ARN of a layer version');
    return [];
  });
}

/** A path beside the file, or an object. */
export function codeOf(fields: Fields, name: string): CodeSource {
  const value = fields.raw(name);
  const at = [...fields.path, name];
  if (value === undefined) fields.source.fault(at, 'is missing');
  else if (typeof value === 'string') {
    if (!/^[a-z]+:\/\//.test(value)) return { file: value };
    fields.source.fault(at, 'a URL is not fetched; download the package and name the file');
  } else {
    const object = fields.within(name);
    return { ossBucketName: object.needed('ossBucketName'), ossObjectName: object.needed('ossObjectName') };
  }
  return undefined;
}

/** A trigger with the names of its fields in this layout. */
export function triggerOf(fields: Fields, names: Record<'name' | 'type' | 'config' | 'role', string>): PlannedTrigger {
  const name = fields.needed(names.name);
  const config = fields.raw(names.config) ?? {};
  const body = defined({
    ...{ triggerName: name, triggerType: fields.needed(names.type), description: fields.text('description') },
    ...{ qualifier: fields.text('qualifier'), invocationRole: fields.text(names.role), sourceArn: fields.text('sourceArn') },
    triggerConfig: typeof config === 'string' ? config : JSON.stringify(config),
  });
  fields.rest();
  return { what: `trigger ${name}`, path: fields.path, name, body };
}

function configurationOf(props: Fields, name: string, at: string): Planned['configurations'] {
  const value = props.mapping(name);
  if (value === undefined) return [];
  const { qualifier, ...body } = value;
  return [{ what: name, path: [...props.path, name], at, body, ...(typeof qualifier === 'string' ? { qualifier } : {}) }];
}

export function defined(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
