import { type FunctionVersion, namesOf } from '../../functions/index.ts';
import type { Credentials } from '../invocation.ts';

export interface EnvironmentOptions {
  fn: FunctionVersion;
  region: string;
  accountId: string;
  /** Parent of the instances' own folders. */
  tmp: string;
}

/** What every program of a function sees, before it becomes an instance; nothing of the server's own environment is in it. */
export function baseEnvironment({ fn, region, accountId, tmp }: EnvironmentOptions): Record<string, string> {
  const local = '127.0.0.1,localhost';
  const direct = (own: string | undefined) => (own ? `${own},${local}` : local);
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LANG: 'C.UTF-8',
    // The vendor's clock; a function may set its own zone.
    TZ: 'UTC',
    ...fn.env,
    HOME: tmp,
    TMPDIR: tmp,
    // The server's own listeners are never reached through a proxy.
    NO_PROXY: direct(fn.env.NO_PROXY),
    no_proxy: direct(fn.env.no_proxy),
    FC_FUNC_CODE_PATH: fn.codeDir,
    FC_ACCOUNT_ID: accountId,
    FC_REGION: region,
    FC_RUNTIME: fn.runtime,
    FC_FUNCTION_NAME: namesOf(fn.name).name,
    FC_FUNCTION_HANDLER: fn.handler,
    FC_FUNCTION_MEMORY_SIZE: String(fn.memoryMb),
    FC_TIMEOUT: String(Math.ceil(fn.timeoutMs / 1000)),
    FC_INITIALIZER_HANDLER: fn.initializer?.handler ?? '',
    FC_INITIALIZATION_TIMEOUT: fn.initializer ? String(Math.ceil(fn.initializer.timeoutMs / 1000)) : '',
    FC_QUALIFIER: fn.qualifier,
    FC_VERSION_ID: fn.versionId,
    FC_SERVICE_NAME: namesOf(fn.name).service,
    FC_SERVER_PORT: '9000',
    FC_CUSTOM_LISTEN_PORT: '9000',
  };
}

/** What one instance adds: its name and the credentials of the function's role, under the current and the old names. */
export function instanceEnvironment(instanceId: string, credentials: Credentials): Record<string, string> {
  const { accessKeyId, accessKeySecret, securityToken } = credentials;
  return {
    FC_INSTANCE_ID: instanceId,
    ALIBABA_CLOUD_ACCESS_KEY_ID: accessKeyId,
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: accessKeySecret,
    ALIBABA_CLOUD_SECURITY_TOKEN: securityToken,
    accessKeyID: accessKeyId,
    accessKeySecret,
    securityToken,
  };
}
