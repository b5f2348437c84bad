import type { FunctionVersion } from '../../functions/index.ts';
import type { SessionCredentials } from '../invocation.ts';
import type { Log } from '../log.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Door } from './door.ts';
import type { Place } from './place.ts';

/** What every engine that runs programs of this machine is given. */
export interface EngineOptions {
  door: Door;
  place: Place;
  sandbox: Sandbox;
  /** Functions run as users of their own. */
  dropPrivileges: boolean;
  region: string;
  accountId: string;
  /** Largest file that a function may write, bytes. */
  fileBytes: number;
  credentialsFor: (fn: FunctionVersion) => SessionCredentials;
  onLog: (name: string, instanceId: string, requestId: string, line: string) => void;
  log: Log;
}
