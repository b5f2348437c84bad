import { readFileSync } from 'node:fs';
import { type CodeFile, deleteFunction, deployArchive, deployFunction } from '../../test/acceptance/harness/deploy.ts';
import { invokeFunction } from '../../test/acceptance/harness/fc.ts';
import { go, java, python } from '../../test/acceptance/harness/toolchain.ts';
import { expect, pick, type Scenario } from './scenario.ts';

/** A function that answers, fails and ends on demand, in some language. */
interface Language {
  name: string;
  skip: string | false;
  clients: number;
  /** The package: its files, or its bytes as they are. */
  code: () => CodeFile[] | Buffer;
  settings: Record<string, unknown>;
  /** Events, and how each must end. */
  due: Record<string, { body?: RegExp; failed?: RegExp }>;
}

function scenario({ name, skip, clients, code, settings, due }: Language): Scenario {
  const fn = `soak-${name}`;
  return {
    name,
    skip,
    clients,
    prepare: (sluice) => {
      const made = code();
      const all = { timeout: 5, idleTimeout: 3, ...settings };
      return Buffer.isBuffer(made) ? deployArchive(sluice, fn, made, all) : deployFunction(sluice, fn, made, { settings: all });
    },
    round: async (sluice) => {
      const event = pick(Object.keys(due));
      return expect(await invokeFunction(sluice, fn, event, { tail: Math.random() < 0.5 }), due[event] ?? {});
    },
    tidy: (sluice) => deleteFunction(sluice, fn),
  };
}

const node = `
exports.handler = async (event) => {
  const what = event.toString();
  console.log('told', what);
  if (what === 'throw') throw new TypeError('thrown as told');
  if (what === 'exit') process.exit(4);
  if (what === 'reject') return Promise.reject(new RangeError('rejected as told'));
  return { what };
};
`;

const server = `#!/usr/bin/env python3
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        event = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if event == b"exit":
            os._exit(5)
        status = 404 if event == b"fail" else 200
        body = b"echo " + event
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["FC_SERVER_PORT"])), Handler).serve_forever()
`;

/** Every runtime besides Python: one function each. */
export const languages: readonly Scenario[] = [
  scenario({
    name: 'node',
    skip: false,
    clients: 2,
    code: () => [{ name: 'index.js', data: Buffer.from(node) }],
    settings: { runtime: 'nodejs24' },
    due: {
      fine: { body: /"what":"fine"/ },
      throw: { failed: /thrown as told/ },
      reject: { failed: /rejected as told/ },
      exit: { failed: /exited unexpectedly/ },
    },
  }),
  scenario({
    name: 'go',
    skip: go.skip,
    clients: 2,
    code: () => [{ name: 'main', data: readFileSync(go.tools?.functions['acts-0.2.11'] as string), mode: 0o755 }],
    settings: { runtime: 'go1', handler: 'main' },
    due: {
      '{"do":"sleep","millis":20}': {},
      '{"do":"error"}': { failed: /errorMessage/ },
      '{"do":"panic"}': { failed: /errorMessage/ },
      '{"do":"exit"}': { failed: /exited unexpectedly/ },
    },
  }),
  scenario({
    name: 'custom',
    skip: python.skip,
    clients: 2,
    code: () => [{ name: 'bootstrap', data: Buffer.from(server), mode: 0o755 }],
    settings: { runtime: 'custom.debian10', handler: 'index.handler', customRuntimeConfig: { port: 9000 } },
    due: { fine: { body: /^echo fine$/ }, exit: { failed: /./ } },
  }),
  scenario({
    name: 'java',
    skip: java.skip,
    clients: 2,
    code: () => readFileSync(java.tools?.thin as string),
    settings: {
      runtime: 'java11',
      handler: 'Plain::handleRequest',
      timeout: 20,
      instanceLifecycleConfig: { initializer: { handler: 'Plain::initialize', timeout: 20 } },
    },
    due: {
      fine: { body: /^soak-java true true$/ },
      throw: { failed: /oops/ },
      exit: { failed: /exited unexpectedly/ },
    },
  }),
];
