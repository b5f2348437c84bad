import { chownSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { FunctionVersion } from '../../functions/index.ts';
import { createListener, type Dialect } from '../../http/index.ts';
import { findInterpreter, type Instances, type Invocation, openInstances, RuntimeApi } from '../../instances/index.ts';
import { createTelemetry } from '../../telemetry/index.ts';
import { createRuntimeDialect } from './runtime.ts';

const isRoot = process.getuid?.() === 0;
const uid = isRoot ? 52_000 + (process.pid % 10_000) : undefined;

/** Python stands in for Go: a program that asks for its calls, started by its first line. */
export async function interpreter(): Promise<string | undefined> {
  return (await findInterpreter({ dropPrivileges: isRoot }))?.path;
}

/** The Runtime API as a program sees it, in Python; `act(headers, body)` is the program's own. */
export const sdk = `
import http.client, json, os, sys, threading, time
ADDRESS, _, PREFIX = os.environ["FC_RUNTIME_API"].partition("/")
ROOT = f"/{PREFIX}/2020-11-11/runtime/invocation/"
def ask(method, path, body=None):
    connection = http.client.HTTPConnection(ADDRESS)
    connection.request(method, ROOT + path, body=body, headers={"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, response.headers, response.read()
def answer(headers, body):
    id = headers["x-fc-request-id"]
    try:
        path, result = "/response", act(headers, body)
    except Exception as error:
        path, result = "/error", {"errorMessage": str(error), "errorType": type(error).__name__}
    sys.stdout.flush()
    status, _, _ = ask("POST", id + path, result if isinstance(result, bytes) else json.dumps(result).encode())
    assert status == 200, status
def loop(parallel):
    while True:
        status, headers, body = ask("GET", "next")
        if status != 200: continue
        if parallel: threading.Thread(target=answer, args=(headers, body)).start()
        else: answer(headers, body)
`;

export interface RuntimeStage {
  instances: Instances;
  api: RuntimeApi;
  port: number;
  lines: { request: string; line: string }[];
  /** The access log. */
  log(): string;
  fn(changes?: Partial<FunctionVersion>): FunctionVersion;
  call(changes?: Partial<Invocation>): Invocation;
}

/** Instances whose programs reach a real listener, over a folder with these executable files. */
export async function openRuntimeStage(t: TestContext, files: Record<string, string | Buffer>): Promise<RuntimeStage> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-runtime-'));
  await chmod(folder, 0o711);
  const code = join(folder, 'code');
  await mkdir(code);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(code, name)), { recursive: true });
    await writeFile(join(code, name), text, { mode: 0o755 });
  }
  if (uid !== undefined) chownSync(code, 0, uid);
  const lines: RuntimeStage['lines'] = [];
  const api = new RuntimeApi();
  const log = join(folder, 'access.log');
  const telemetry = createTelemetry({ level: 'info', file: log });
  const listener = createListener({
    name: 'functions',
    host: '127.0.0.1',
    port: 0,
    dialect: createRuntimeDialect(nothing, api),
    telemetry,
  });
  await listener.start();
  t.after(() => listener.drain(0));
  api.listen(`127.0.0.1:${listener.port}`);
  const quiet = () => {};
  const instances = await openInstances({
    runDir: join(folder, 'run'),
    region: 'cn-qingdao',
    accountId: '1234567890123456',
    logger: { info: quiet, warn: quiet, error: quiet },
    credentialsFor: () => ({ accessKeyId: 'STS.env', accessKeySecret: 'env-secret-value', securityToken: 'env-token-value' }),
    limits: { maxInstances: 8, queue: 64 },
    python: {},
    runtimeApi: api,
    onLog: (_name, _instance, request, line) => lines.push({ request, line }),
  });
  t.after(async () => {
    await instances.close();
    await rm(folder, { recursive: true, force: true });
  });
  let serial = 0;
  return {
    instances,
    api,
    port: listener.port,
    lines,
    log: () => readFileSync(log, 'utf8'),
    fn: (changes = {}) => ({
      arn: 'acs:fc:cn-qingdao:1234567890123456:functions/go',
      name: 'go',
      qualifier: 'LATEST',
      versionId: '3',
      revision: JSON.stringify(changes),
      runtime: 'go1',
      handler: 'main',
      timeoutMs: 10_000,
      memoryMb: 256,
      instanceConcurrency: 1,
      idleTimeoutMs: 60_000,
      maxInstances: 2,
      env: {},
      codeDir: code,
      layerDirs: [],
      provisioned: 0,
      ...(uid === undefined ? {} : { uid }),
      ...changes,
    }),
    call: (changes = {}) => ({
      requestId: `REQUEST-${++serial}`,
      event: Buffer.from('{}'),
      credentials: { accessKeyId: 'STS.call', accessKeySecret: 'call-secret-value', securityToken: 'call-token-value' },
      ...changes,
    }),
  };
}

/** The dialect behind: says what reached it. */
const nothing: Dialect = {
  name: 'nothing',
  handle: async (ctx) => {
    const text = `passed on: ${ctx.path}`;
    ctx.res.writeHead(200, { 'Content-Length': String(text.length) });
    ctx.res.end(text);
  },
  fault: (_ctx, fault) => ({ status: fault.status, headers: {}, body: fault.code }),
};
