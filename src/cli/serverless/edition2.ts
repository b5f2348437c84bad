import { codeOf, defined, layersOf, type Read, recordsOf, roleOf, simple, triggerOf } from './edition3.ts';
import type { Fields } from './fields.ts';
import type { CodeSource } from './plan.ts';

const texts = ['description', 'runtime', 'handler', 'initializer', 'instanceType'];
const numbers = ['timeout', 'memorySize', 'cpu', 'diskSize', 'instanceConcurrency', 'initializationTimeout', 'caPort'];
const mappings = ['instanceLifecycleConfig', 'customRuntimeConfig', 'customContainerConfig', 'customHealthCheckConfig', 'customDNS'];
/** The component's own: how it packs or shows things. */
const aside = ['runtimeName', 'codeVersion'];

/** The props of a function in the layout of 2.0: a service, and the function in it. */
export function readFunction2(props: Fields): Read {
  props.raw('region');
  const [service, fn] = [props.within('service'), props.within('function')];
  const functionName = fn.needed('name');
  const runtime = fn.needed('runtime');
  for (const name of aside) fn.raw(name);
  const settings = defined({
    ...simple(fn, { texts, numbers, flags: [], mappings }),
    environmentVariables: fn.texts('environmentVariables'),
    layers: layersOf(fn),
  });
  const code = runtime === 'custom-container' ? undefined : codeOf2(fn);
  fn.rest();
  const triggers = props.items('triggers').map((each) => triggerOf(each, { name: 'name', type: 'type', config: 'config', role: 'role' }));
  const role = roleOf(service);
  const read = { functionName, service: serviceOf(service), settings, code, triggers, configurations: [], tags: [] };
  props.rest();
  return { ...read, ...(role === undefined ? {} : { role }) };
}

function serviceOf(service: Fields): NonNullable<Read['service']> {
  const name = service.needed('name');
  const settings = defined({
    ...simple(service, { texts: ['description'], numbers: [], flags: ['internetAccess'], mappings: [] }),
    ...recordsOf(service, ['logConfig', 'vpcConfig', 'nasConfig', 'tracingConfig']),
  });
  service.rest();
  return { name, settings };
}

function codeOf2(fn: Fields): CodeSource {
  const [ossBucketName, ossObjectName] = [fn.text('ossBucket'), fn.text('ossKey')];
  if (ossBucketName !== undefined && ossObjectName !== undefined) return { ossBucketName, ossObjectName };
  return codeOf(fn, 'codeUri');
}
