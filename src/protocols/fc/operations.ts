import { describeRegions, getCustomDomain, listCustomDomains, listVpcBindings } from './absent.ts';
import { getAsyncTask, listAsyncTasks, stopAsyncTask } from './async-tasks.ts';
import { configurationOperations, disableInvocation, enableInvocation } from './configurations.ts';
import { getFunctionCode } from './downloads.ts';
import { createFunction, deleteFunction, getFunction, listFunctions, updateFunction } from './functions.ts';
import { listInstances } from './instances.ts';
import { invokeFunction } from './invoke.ts';
import {
  createLayerVersion,
  deleteLayerVersion,
  getLayerVersion,
  getLayerVersionByArn,
  listLayers,
  listLayerVersions,
  putLayerAcl,
} from './layers.ts';
import type { Operation } from './operation.ts';
import { listTagResources, tagResources, untagResources } from './tags.ts';
import { createTrigger, deleteTrigger, getTrigger, listTriggers, updateTrigger } from './triggers.ts';
import {
  createAlias,
  deleteAlias,
  deleteFunctionVersion,
  getAlias,
  listAliases,
  listFunctionVersions,
  publishFunctionVersion,
  updateAlias,
} from './versions.ts';

const MB = 1024 * 1024;
/** A package of 50 MB in base64, and room for the rest. */
export const codeBodyBytes = 100 * MB;
export const eventBytes = 32 * MB;
export const inputBytes = 256 * 1024;

const concurrency = configurationOperations('concurrency');
const provision = configurationOperations('provision');
const scaling = configurationOperations('scaling');
const asyncInvoke = configurationOperations('async');

type Run = NonNullable<Operation['run']>;

function operation(method: string, name: string, path: string, run: Run, more: Partial<Operation> = {}): Operation {
  const bodyBytes = method === 'POST' || method === 'PUT' ? inputBytes : 0;
  return { name, method, path, action: `fc:${name}`, resource: resourceOf(path), bodyBytes, run, ...more };
}

function resourceOf(path: string): Operation['resource'] {
  return path.startsWith('/functions/') ? 'function' : path.startsWith('/layers/') ? 'layer' : 'collection';
}

const carriedOut: readonly Operation[] = [
  operation('POST', 'CreateFunction', '/functions', createFunction, { resource: 'input', bodyBytes: codeBodyBytes }),
  operation('PUT', 'UpdateFunction', '/functions/{name}', updateFunction, { bodyBytes: codeBodyBytes }),
  operation('GET', 'GetFunction', '/functions/{name}', getFunction),
  operation('GET', 'ListFunctions', '/functions', listFunctions),
  operation('DELETE', 'DeleteFunction', '/functions/{name}', deleteFunction),
  operation('GET', 'GetFunctionCode', '/functions/{name}/code', getFunctionCode),
  operation('POST', 'InvokeFunction', '/functions/{name}/invocations', invokeFunction, { bodyBytes: eventBytes, changes: false }),
  operation('POST', 'DisableFunctionInvocation', '/functions/{name}/invoke/disable', disableInvocation),
  operation('POST', 'EnableFunctionInvocation', '/functions/{name}/invoke/enable', enableInvocation),
  operation('GET', 'ListInstances', '/functions/{name}/instances', listInstances),
  operation('POST', 'PublishFunctionVersion', '/functions/{name}/versions', publishFunctionVersion),
  operation('GET', 'ListFunctionVersions', '/functions/{name}/versions', listFunctionVersions),
  operation('DELETE', 'DeleteFunctionVersion', '/functions/{name}/versions/{version}', deleteFunctionVersion),
  operation('POST', 'CreateAlias', '/functions/{name}/aliases', createAlias),
  operation('PUT', 'UpdateAlias', '/functions/{name}/aliases/{alias}', updateAlias),
  operation('GET', 'GetAlias', '/functions/{name}/aliases/{alias}', getAlias),
  operation('GET', 'ListAliases', '/functions/{name}/aliases', listAliases),
  operation('DELETE', 'DeleteAlias', '/functions/{name}/aliases/{alias}', deleteAlias),
  operation('POST', 'CreateTrigger', '/functions/{name}/triggers', createTrigger),
  operation('PUT', 'UpdateTrigger', '/functions/{name}/triggers/{trigger}', updateTrigger),
  operation('GET', 'GetTrigger', '/functions/{name}/triggers/{trigger}', getTrigger),
  operation('GET', 'ListTriggers', '/functions/{name}/triggers', listTriggers),
  operation('DELETE', 'DeleteTrigger', '/functions/{name}/triggers/{trigger}', deleteTrigger),
  operation('PUT', 'PutConcurrencyConfig', '/functions/{name}/concurrency', concurrency.put),
  operation('GET', 'GetConcurrencyConfig', '/functions/{name}/concurrency', concurrency.get),
  operation('DELETE', 'DeleteConcurrencyConfig', '/functions/{name}/concurrency', concurrency.remove),
  operation('GET', 'ListConcurrencyConfigs', '/concurrency-configs', concurrency.list),
  operation('PUT', 'PutProvisionConfig', '/functions/{name}/provision-config', provision.put),
  operation('GET', 'GetProvisionConfig', '/functions/{name}/provision-config', provision.get),
  operation('DELETE', 'DeleteProvisionConfig', '/functions/{name}/provision-config', provision.remove),
  operation('GET', 'ListProvisionConfigs', '/provision-configs', provision.list),
  operation('PUT', 'PutScalingConfig', '/functions/{name}/scaling-config', scaling.put),
  operation('GET', 'GetScalingConfig', '/functions/{name}/scaling-config', scaling.get),
  operation('DELETE', 'DeleteScalingConfig', '/functions/{name}/scaling-config', scaling.remove),
  operation('GET', 'ListScalingConfigs', '/scaling-configs', scaling.list),
  operation('PUT', 'PutAsyncInvokeConfig', '/functions/{name}/async-invoke-config', asyncInvoke.put),
  operation('GET', 'GetAsyncInvokeConfig', '/functions/{name}/async-invoke-config', asyncInvoke.get),
  operation('DELETE', 'DeleteAsyncInvokeConfig', '/functions/{name}/async-invoke-config', asyncInvoke.remove),
  operation('GET', 'ListAsyncInvokeConfigs', '/async-invoke-configs', asyncInvoke.list),
  operation('GET', 'GetAsyncTask', '/functions/{name}/async-tasks/{task}', getAsyncTask),
  operation('GET', 'ListAsyncTasks', '/functions/{name}/async-tasks', listAsyncTasks),
  operation('PUT', 'StopAsyncTask', '/functions/{name}/async-tasks/{task}/stop', stopAsyncTask),
  operation('POST', 'CreateLayerVersion', '/layers/{layer}/versions', createLayerVersion, { bodyBytes: codeBodyBytes }),
  operation('GET', 'GetLayerVersion', '/layers/{layer}/versions/{version}', getLayerVersion),
  operation('GET', 'GetLayerVersionByArn', '/layerarn/{arn}', getLayerVersionByArn),
  operation('GET', 'ListLayers', '/layers', listLayers),
  operation('GET', 'ListLayerVersions', '/layers/{layer}/versions', listLayerVersions),
  operation('DELETE', 'DeleteLayerVersion', '/layers/{layer}/versions/{version}', deleteLayerVersion),
  operation('PUT', 'PutLayerACL', '/layers/{layer}/acl', putLayerAcl),
  operation('POST', 'TagResources', '/tags-v2', tagResources),
  operation('DELETE', 'UntagResources', '/tags-v2', untagResources),
  operation('GET', 'ListTagResources', '/tags-v2', listTagResources),
  operation('GET', 'ListVpcBindings', '/functions/{name}/vpc-bindings', listVpcBindings),
  operation('GET', 'ListCustomDomains', '/custom-domains', listCustomDomains),
  operation('GET', 'GetCustomDomain', '/custom-domains/{domain}', getCustomDomain),
  operation('GET', 'DescribeRegions', '/regions', describeRegions),
];

/** The other operations of Function Compute 3.0 (API 2023-03-30, as @alicloud/fc20230330 calls them): known, answered NotImplemented by name. */
const notCarriedOut = `
  PUT    ChangeResourceGroup         /resource-groups
  POST   CreateCustomDomain          /custom-domains
  POST   CreateSession               /functions/{name}/sessions
  POST   CreateVpcBinding            /functions/{name}/vpc-bindings
  DELETE DeleteCustomDomain          /custom-domains/{domain}
  DELETE DeleteSession               /functions/{name}/sessions/{session}
  DELETE DeleteVpcBinding            /functions/{name}/vpc-bindings/{vpc}
  GET    GetSession                  /functions/{name}/sessions/{session}
  GET    InstanceExec                /functions/{name}/instances/{instance}/exec
  GET    ListSessions                /functions/{name}/sessions
  PUT    PauseSession                /functions/{name}/sessions/{session}/pause
  PUT    ResumeSession               /functions/{name}/sessions/{session}/resume
  PUT    UpdateCustomDomain          /custom-domains/{domain}
  PUT    UpdateSession               /functions/{name}/sessions/{session}
`;

function known(line: string): Operation {
  const [method = '', name = '', path = ''] = line.trim().split(/\s+/);
  return { name, method, path, action: `fc:${name}`, resource: resourceOf(path), bodyBytes: 0 };
}

/** The closed table of operations. */
export const operations: readonly Operation[] = [...carriedOut, ...notCarriedOut.trim().split('\n').map(known)];
