import { Fault } from '../../faults/index.ts';
import { createFunction, deleteFunction, getFunction, listFunctions, updateFunction } from './functions.ts';
import { invokeFunction } from './invoke.ts';
import type { Operation } from './operation.ts';

/** Every path starts with the version of the API. */
export const prefix = '/2023-03-30';

const MB = 1024 * 1024;
/** A package of 50 MB in base64, and room for the rest. */
const codeBodyBytes = 100 * MB;
const eventBytes = 32 * MB;

const carriedOut: readonly Operation[] = [
  {
    name: 'CreateFunction',
    method: 'POST',
    path: '/functions',
    action: 'fc:CreateFunction',
    resource: 'input',
    bodyBytes: codeBodyBytes,
    run: createFunction,
  },
  {
    name: 'UpdateFunction',
    method: 'PUT',
    path: '/functions/{name}',
    action: 'fc:UpdateFunction',
    resource: 'function',
    bodyBytes: codeBodyBytes,
    run: updateFunction,
  },
  {
    name: 'GetFunction',
    method: 'GET',
    path: '/functions/{name}',
    action: 'fc:GetFunction',
    resource: 'function',
    bodyBytes: 0,
    run: getFunction,
  },
  {
    name: 'ListFunctions',
    method: 'GET',
    path: '/functions',
    action: 'fc:ListFunctions',
    resource: 'collection',
    bodyBytes: 0,
    run: listFunctions,
  },
  {
    name: 'DeleteFunction',
    method: 'DELETE',
    path: '/functions/{name}',
    action: 'fc:DeleteFunction',
    resource: 'function',
    bodyBytes: 0,
    run: deleteFunction,
  },
  {
    name: 'InvokeFunction',
    method: 'POST',
    path: '/functions/{name}/invocations',
    action: 'fc:InvokeFunction',
    resource: 'function',
    bodyBytes: eventBytes,
    run: invokeFunction,
  },
];

/** The other operations of Function Compute 3.0 (API 2023-03-30, as @alicloud/fc20230330 calls them): known, answered NotImplemented by name. */
const notCarriedOut = `
  PUT    ChangeResourceGroup         /resource-groups
  POST   CreateAlias                 /functions/{name}/aliases
  POST   CreateCustomDomain          /custom-domains
  POST   CreateLayerVersion          /layers/{layer}/versions
  POST   CreateSession               /functions/{name}/sessions
  POST   CreateTrigger               /functions/{name}/triggers
  POST   CreateVpcBinding            /functions/{name}/vpc-bindings
  DELETE DeleteAlias                 /functions/{name}/aliases/{alias}
  DELETE DeleteAsyncInvokeConfig     /functions/{name}/async-invoke-config
  DELETE DeleteConcurrencyConfig     /functions/{name}/concurrency
  DELETE DeleteCustomDomain          /custom-domains/{domain}
  DELETE DeleteFunctionVersion       /functions/{name}/versions/{version}
  DELETE DeleteLayerVersion          /layers/{layer}/versions/{version}
  DELETE DeleteProvisionConfig       /functions/{name}/provision-config
  DELETE DeleteScalingConfig         /functions/{name}/scaling-config
  DELETE DeleteSession               /functions/{name}/sessions/{session}
  DELETE DeleteTrigger               /functions/{name}/triggers/{trigger}
  DELETE DeleteVpcBinding            /functions/{name}/vpc-bindings/{vpc}
  GET    DescribeRegions             /regions
  POST   DisableFunctionInvocation   /functions/{name}/invoke/disable
  POST   EnableFunctionInvocation    /functions/{name}/invoke/enable
  GET    GetAlias                    /functions/{name}/aliases/{alias}
  GET    GetAsyncInvokeConfig        /functions/{name}/async-invoke-config
  GET    GetAsyncTask                /functions/{name}/async-tasks/{task}
  GET    GetConcurrencyConfig        /functions/{name}/concurrency
  GET    GetCustomDomain             /custom-domains/{domain}
  GET    GetFunctionCode             /functions/{name}/code
  GET    GetLayerVersion             /layers/{layer}/versions/{version}
  GET    GetLayerVersionByArn        /layerarn/{arn}
  GET    GetProvisionConfig          /functions/{name}/provision-config
  GET    GetScalingConfig            /functions/{name}/scaling-config
  GET    GetSession                  /functions/{name}/sessions/{session}
  GET    GetTrigger                  /functions/{name}/triggers/{trigger}
  GET    InstanceExec                /functions/{name}/instances/{instance}/exec
  GET    ListAliases                 /functions/{name}/aliases
  GET    ListAsyncInvokeConfigs      /async-invoke-configs
  GET    ListAsyncTasks              /functions/{name}/async-tasks
  GET    ListConcurrencyConfigs      /concurrency-configs
  GET    ListCustomDomains           /custom-domains
  GET    ListFunctionVersions        /functions/{name}/versions
  GET    ListInstances               /functions/{name}/instances
  GET    ListLayers                  /layers
  GET    ListLayerVersions           /layers/{layer}/versions
  GET    ListProvisionConfigs        /provision-configs
  GET    ListScalingConfigs          /scaling-configs
  GET    ListSessions                /functions/{name}/sessions
  GET    ListTagResources            /tags-v2
  GET    ListTriggers                /functions/{name}/triggers
  GET    ListVpcBindings             /functions/{name}/vpc-bindings
  PUT    PauseSession                /functions/{name}/sessions/{session}/pause
  POST   PublishFunctionVersion      /functions/{name}/versions
  PUT    PutAsyncInvokeConfig        /functions/{name}/async-invoke-config
  PUT    PutConcurrencyConfig        /functions/{name}/concurrency
  PUT    PutLayerACL                 /layers/{layer}/acl
  PUT    PutProvisionConfig          /functions/{name}/provision-config
  PUT    PutScalingConfig            /functions/{name}/scaling-config
  PUT    ResumeSession               /functions/{name}/sessions/{session}/resume
  PUT    StopAsyncTask               /functions/{name}/async-tasks/{task}/stop
  POST   TagResources                /tags-v2
  DELETE UntagResources              /tags-v2
  PUT    UpdateAlias                 /functions/{name}/aliases/{alias}
  PUT    UpdateCustomDomain          /custom-domains/{domain}
  PUT    UpdateSession               /functions/{name}/sessions/{session}
  PUT    UpdateTrigger               /functions/{name}/triggers/{trigger}
`;

function known(line: string): Operation {
  const [method = '', name = '', path = ''] = line.trim().split(/\s+/);
  return { name, method, path, action: `fc:${name}`, resource: path.startsWith('/functions/') ? 'function' : 'collection', bodyBytes: 0 };
}

/** The closed table of operations. */
export const operations: readonly Operation[] = [...carriedOut, ...notCarriedOut.trim().split('\n').map(known)];

interface Route {
  segments: readonly string[];
  operation: Operation;
}

const routes: readonly Route[] = operations.map((operation) => ({ segments: operation.path.slice(1).split('/'), operation }));

function fits(route: Route, segments: readonly string[]): boolean {
  return (
    route.segments.length === segments.length &&
    route.segments.every((segment, i) => (segment.startsWith('{') ? segments[i] !== '' : segment === segments[i]))
  );
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new Fault('InvalidURI', 'The path holds a malformed percent-encoding.', { cause });
  }
}

/**
 * Finds the operation of a request.
 * @param path raw, percent-encoded
 * @returns the operation and the function named in the path ('' when none is)
 * @throws Fault PathNotSupported, MethodNotAllowed, InvalidURI
 */
export function matchOperation(method: string, path: string): { operation: Operation; name: string } {
  if (!path.startsWith(`${prefix}/`)) {
    throw new Fault(
      'PathNotSupported',
      `The control listener speaks the Function Compute API below ${prefix}/, and /health/live, /health/ready and /metrics.`,
    );
  }
  const segments = path
    .slice(prefix.length + 1)
    .split('/')
    .map(decoded);
  const fitting = routes.filter((route) => fits(route, segments));
  if (fitting.length === 0) throw new Fault('PathNotSupported');
  const found = fitting.find((route) => route.operation.method === method);
  if (!found) {
    const allow = fitting.map((route) => route.operation.method).join(', ');
    throw new Fault('MethodNotAllowed', `This path takes ${allow}.`, { headers: { Allow: allow } });
  }
  return { operation: found.operation, name: segments[0] === 'functions' ? (segments[1] ?? '') : '' };
}
