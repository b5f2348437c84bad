import { getCustomDomain, listCustomDomains } from '../absent.ts';
import { getFunctionCode } from '../downloads.ts';
import { listInstances } from '../instances.ts';
import { invokeFunction } from '../invoke.ts';
import {
  createLayerVersion,
  deleteLayerVersion,
  getLayerVersion,
  getLayerVersionByArn,
  listLayers,
  listLayerVersions,
  putLayerAcl,
} from '../layers.ts';
import type { Operation } from '../operation.ts';
import { codeBodyBytes, eventBytes, inputBytes } from '../operations.ts';
import { giveUploadToken } from '../uploads.ts';
import { getAccountConfigs, getAccountSettings, nothing, nothingOf } from './absent.ts';
import {
  deleteAsyncConfig,
  deleteOnDemandConfig,
  getAsyncConfig,
  getOnDemandConfig,
  getProvisionConfig,
  listAsyncConfigs,
  listOnDemandConfigs,
  listProvisionConfigs,
  putAsyncConfig,
  putOnDemandConfig,
  putProvisionConfig,
} from './configurations.ts';
import { createFunction, deleteFunction, getFunction, listFunctions, updateFunction } from './functions.ts';
import { getStatefulInvocation, listStatefulInvocations, stopStatefulInvocation } from './invocations.ts';
import {
  createService,
  deleteService,
  getResourceTags,
  getService,
  listServices,
  listTaggedResources,
  tagResource,
  untagResource,
  updateService,
} from './services.ts';
import { createTrigger, deleteTrigger, getTrigger, listTriggers, updateTrigger } from './triggers.ts';
import {
  createAlias,
  deleteAlias,
  deleteServiceVersion,
  getAlias,
  listAliases,
  listServiceVersions,
  publishServiceVersion,
  updateAlias,
} from './versions.ts';

type Run = NonNullable<Operation['run']>;

const service = '/services/{service}';
const fn = '/services/{service}/functions/{function}';
const classic = { versions: ['2016-08-15'] } as const;
const later = { versions: ['2021-04-06'] } as const;
const token = { action: 'fc:CreateTempBucketToken', changes: true, ...classic } as const;
/** The service is named by the ARN in the input, or in the query. */
const byArn = { resource: 'input' } as const;

function operation(method: string, name: string, path: string, run: Run, more: Partial<Operation> = {}): Operation {
  const bodyBytes = method === 'POST' || method === 'PUT' ? inputBytes : 0;
  return { name, method, path, action: `fc:${name}`, resource: resourceOf(path), bodyBytes, run, ...more };
}

function resourceOf(path: string): Operation['resource'] {
  if (path.includes('{function}')) return 'function';
  if (path.startsWith('/layers/')) return 'layer';
  if (path === '/services') return 'services';
  return path.startsWith(service) && !path.endsWith('/functions') ? 'service' : 'collection';
}

const carriedOut: readonly Operation[] = [
  operation('POST', 'CreateService', '/services', createService, { resource: 'input' }),
  operation('GET', 'ListServices', '/services', listServices),
  operation('GET', 'GetService', service, getService),
  operation('PUT', 'UpdateService', service, updateService),
  operation('DELETE', 'DeleteService', service, deleteService),
  operation('POST', 'PublishServiceVersion', `${service}/versions`, publishServiceVersion),
  operation('GET', 'ListServiceVersions', `${service}/versions`, listServiceVersions),
  operation('DELETE', 'DeleteServiceVersion', `${service}/versions/{version}`, deleteServiceVersion),
  operation('POST', 'CreateAlias', `${service}/aliases`, createAlias),
  operation('GET', 'ListAliases', `${service}/aliases`, listAliases),
  operation('GET', 'GetAlias', `${service}/aliases/{alias}`, getAlias),
  operation('PUT', 'UpdateAlias', `${service}/aliases/{alias}`, updateAlias),
  operation('DELETE', 'DeleteAlias', `${service}/aliases/{alias}`, deleteAlias),
  operation('POST', 'CreateFunction', `${service}/functions`, createFunction, { resource: 'input', bodyBytes: codeBodyBytes }),
  operation('GET', 'ListFunctions', `${service}/functions`, listFunctions),
  operation('GET', 'GetFunction', fn, getFunction),
  operation('PUT', 'UpdateFunction', fn, updateFunction, { bodyBytes: codeBodyBytes }),
  operation('DELETE', 'DeleteFunction', fn, deleteFunction),
  operation('GET', 'GetFunctionCode', `${fn}/code`, getFunctionCode),
  operation('POST', 'InvokeFunction', `${fn}/invocations`, invokeFunction, { bodyBytes: eventBytes, changes: false }),
  operation('POST', 'CreateTrigger', `${fn}/triggers`, createTrigger),
  operation('GET', 'ListTriggers', `${fn}/triggers`, listTriggers),
  operation('GET', 'GetTrigger', `${fn}/triggers/{trigger}`, getTrigger),
  operation('PUT', 'UpdateTrigger', `${fn}/triggers/{trigger}`, updateTrigger),
  operation('DELETE', 'DeleteTrigger', `${fn}/triggers/{trigger}`, deleteTrigger),
  operation('GET', 'ListInstances', `${fn}/instances`, listInstances),
  operation('GET', 'ListEventSources', `${fn}/event-sources`, nothingOf('eventSources')),
  operation('GET', 'GetProvisionConfig', `${fn}/provision-config`, getProvisionConfig),
  operation('PUT', 'PutProvisionConfig', `${fn}/provision-config`, putProvisionConfig),
  operation('GET', 'ListProvisionConfigs', '/provision-configs', listProvisionConfigs),
  operation('GET', 'GetFunctionOnDemandConfig', `${fn}/on-demand-config`, getOnDemandConfig),
  operation('PUT', 'PutFunctionOnDemandConfig', `${fn}/on-demand-config`, putOnDemandConfig),
  operation('DELETE', 'DeleteFunctionOnDemandConfig', `${fn}/on-demand-config`, deleteOnDemandConfig),
  operation('GET', 'ListOnDemandConfigs', '/on-demand-configs', listOnDemandConfigs),
  operation('GET', 'GetFunctionAsyncInvokeConfig', `${fn}/async-invoke-config`, getAsyncConfig),
  operation('PUT', 'PutFunctionAsyncInvokeConfig', `${fn}/async-invoke-config`, putAsyncConfig),
  operation('DELETE', 'DeleteFunctionAsyncInvokeConfig', `${fn}/async-invoke-config`, deleteAsyncConfig),
  operation('GET', 'ListFunctionAsyncInvokeConfigs', `${fn}/async-invoke-configs`, listAsyncConfigs),
  operation('GET', 'GetStatefulAsyncInvocation', `${fn}/stateful-async-invocations/{invocation}`, getStatefulInvocation),
  operation('GET', 'ListStatefulAsyncInvocations', `${fn}/stateful-async-invocations`, listStatefulInvocations),
  operation('PUT', 'StopStatefulAsyncInvocation', `${fn}/stateful-async-invocations/{invocation}`, stopStatefulInvocation),
  operation('GET', 'ListStatefulAsyncInvocationFunctions', '/stateful-async-invocation-functions', nothing('data')),
  operation('POST', 'CreateLayerVersion', '/layers/{layer}/versions', createLayerVersion, { bodyBytes: codeBodyBytes }),
  operation('GET', 'GetLayerVersion', '/layers/{layer}/versions/{version}', getLayerVersion),
  operation('GET', 'GetLayerVersionByArn', '/layerarn/{arn}', getLayerVersionByArn),
  operation('GET', 'ListLayers', '/layers', listLayers),
  operation('GET', 'ListLayerVersions', '/layers/{layer}/versions', listLayerVersions),
  operation('DELETE', 'DeleteLayerVersion', '/layers/{layer}/versions/{version}', deleteLayerVersion),
  operation('PUT', 'PutLayerACL', '/layers/{layer}/acl', putLayerAcl),
  operation('POST', 'TagResource', '/tag', tagResource, byArn),
  operation('GET', 'GetResourceTags', '/tag', getResourceTags, byArn),
  operation('PUT', 'UntagResource', '/tag', untagResource, { ...byArn, ...later }),
  operation('DELETE', 'UntagResource', '/tag', untagResource, { ...byArn, ...classic, bodyBytes: inputBytes }),
  operation('GET', 'ListTaggedResources', '/tags', listTaggedResources, { resource: 'services' }),
  operation('GET', 'GetAccountSettings', '/account-settings', getAccountSettings),
  operation('GET', 'GetAccountConfigs', '/accountConfigs', getAccountConfigs, classic),
  operation('GET', 'ListReservedCapacities', '/reserved-capacities', nothing('reservedCapacities')),
  operation('GET', 'ListReservedCapacities', '/reservedCapacities', nothing('reservedCapacities'), classic),
  operation('GET', 'ListVpcBindings', `${service}/bindings`, nothing('vpcIds')),
  operation('GET', 'ListCustomDomains', '/custom-domains', listCustomDomains),
  operation('GET', 'GetCustomDomain', '/custom-domains/{domain}', getCustomDomain),
  operation('GET', 'GetTempBucketToken', '/tempBucketToken', giveUploadToken, token),
  operation('GET', 'GetTempCodeBucketToken', `${service}/tempCodeBucketToken`, giveUploadToken, { ...token, resource: 'collection' }),
];

/** What the SDKs of 2.0 (@alicloud/fc-open20210406, @alicloud/fc2) call besides: known, answered NotImplemented by name. */
const notCarriedOut = `
  POST   ClaimGPUInstance            /gpuInstances
  DELETE ReleaseGPUInstance          /gpuInstances/{instance}
  POST   CreateCustomDomain          /custom-domains
  PUT    UpdateCustomDomain          /custom-domains/{domain}
  DELETE DeleteCustomDomain          /custom-domains/{domain}
  POST   CreateVpcBinding            /services/{service}/bindings
  DELETE DeleteVpcBinding            /services/{service}/bindings/{vpc}
  POST   RegisterEventSource         /services/{service}/functions/{function}/event-sources
  DELETE DeregisterEventSource       /services/{service}/functions/{function}/event-sources/{source}
  GET    InstanceExec                /services/{service}/functions/{function}/instances/{instance}/exec
`;

function known(line: string): Operation {
  const [method = '', name = '', path = ''] = line.trim().split(/\s+/);
  return { name, method, path, action: `fc:${name}`, resource: resourceOf(path), bodyBytes: 0 };
}

/** Calls of HTTP triggers through the API, with any method. */
const proxy: Operation = {
  ...{ name: 'InvokeHTTPTrigger', method: '*', path: '/proxy/{service}/{function}/{*}', action: 'fc:InvokeFunction', bodyBytes: 0 },
  ...{ resource: 'function', changes: false, ...classic },
};

/** The closed table of operations of Function Compute 2.0: API 2021-04-06 and, where not said otherwise, 2016-08-15. */
export const operations: readonly Operation[] = [...carriedOut, ...notCarriedOut.trim().split('\n').map(known), proxy];
