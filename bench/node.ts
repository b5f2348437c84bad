import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createObjectFc, deployFunction, filesOf } from '../test/acceptance/harness/deploy.ts';
import { root } from '../test/acceptance/harness/toolchain.ts';
import { invoke } from './invoke.ts';
import { figure, interleave, type Sample } from './measure.ts';
import { median } from './meter.ts';
import { compare, type Row } from './report.ts';
import { overHttp } from './small.ts';
import { bucket, large, type Stage, small } from './stage.ts';

const folder = join(import.meta.dirname, 'functions', 'node');
const concurrency = 16;

/** The alias of one function of a file there, deployed once: by name in the vendor's form, as its default export in that of the web. */
export async function deployNode(stage: Stage, form: 'vendor' | 'web', name: string): Promise<string> {
  const known = stage.aliases.get(`node-${form}-${name}`);
  if (known !== undefined) return known;
  const file = form === 'vendor' ? 'vendor.js' : 'web.mjs';
  const code = { name: file, data: readFileSync(join(folder, file)) };
  const index = { name: 'index.mjs', data: Buffer.from(`export { ${name} as default } from './web.mjs';\n`) };
  const handler = form === 'vendor' ? `vendor.${name}` : 'index.fetch';
  const own = `node-${form}-${name}`;
  await deployFunction(stage.sluice, own, form === 'vendor' ? [code] : [code, index], {
    settings: { runtime: 'nodejs24', handler, instanceConcurrency: concurrency },
  });
  const alias = await createObjectFc(stage.sluice, { bucket, accessPoint: 'bench-ap', name: own, functionName: own });
  stage.aliases.set(own, alias);
  return alias;
}

/** Transforms by Node functions: the vendor's form and the form of the web, beside each other and beside the direct GET. */
export async function nodeFunctions(stage: Stage, rounds: number): Promise<Row[]> {
  const pid = stage.sluice.pid;
  const get = (name: string, key: string) => stage.get(name, key, 16, 1);
  const targets = [{ name: 'get', plan: get(bucket, small), pid }];
  for (const form of ['vendor', 'web'] as const) {
    for (const what of ['answer', 'read'])
      targets.push({ name: `${form} ${what}`, plan: get(await deployNode(stage, form, what), small), pid });
  }
  const pass = await deployNode(stage, 'web', 'pass');
  targets.push({ name: 'web pass', plan: stage.get(pass, large, 1, 30, 8), pid });
  const python = stage.aliases.get('pass');
  if (python) targets.push({ name: 'python pass', plan: stage.get(python, large, 1, 30, 8), pid });
  const samples = await interleave(targets, rounds);
  const of = (name: string, pick: (sample: Sample) => number) => figure(samples.get(name), pick)?.median;
  const cpu = (name: string) => of(name, (sample) => sample.cpuUs);
  const speed = (name: string) => of(name, (sample) => sample.requestsPerSecond);
  const direct = { reference: cpu('get'), unit: 'us CPU/request', referenceName: 'direct GET' };
  const forms = { referenceName: 'the vendor’s form' };
  return [
    compare({ name: 'Node, vendor’s form, 1 KiB, gateway CPU', ours: cpu('vendor answer'), ...direct, most: overHttp }),
    compare({ name: 'Node, vendor’s form, 1 KiB with a read, gateway CPU', ours: cpu('vendor read'), ...direct }),
    compare({ name: 'Node, web form, 1 KiB, gateway CPU', ours: cpu('web answer'), ...direct, most: 6 }),
    compare({ name: 'Node, web form, 1 KiB with a read, gateway CPU', ours: cpu('web read'), ...direct }),
    compare({
      name: 'Node, web form, 1 KiB',
      ours: speed('web answer'),
      reference: speed('vendor answer'),
      unit: 'req/s',
      ...forms,
      least: 1,
    }),
    compare({
      name: 'Node, web form, 1 KiB with a read',
      ours: speed('web read'),
      reference: speed('vendor read'),
      unit: 'req/s',
      ...forms,
      // No slower, as far as two figures of one machine can tell.
      least: 0.9,
    }),
    compare({
      name: 'Node, web form, 64 MiB passed through, gateway CPU',
      ours: of('web pass', (sample) => sample.cpuPerGib),
      reference: of('python pass', (sample) => sample.cpuPerGib),
      unit: 's CPU/GiB',
      referenceName: 'by a Python function with WriteGetObjectResponse',
    }),
  ];
}

const imports = ['ali-oss', 'yazl', 'zod'];

/** The packages that the function imports, with all that they need. */
function packages(): { name: string; data: Buffer }[] {
  const found = new Set<string>();
  const visit = (name: string) => {
    const manifest = join(root, 'node_modules', name, 'package.json');
    if (found.has(name) || !existsSync(manifest)) return;
    found.add(name);
    const { dependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as { dependencies?: Record<string, string> };
    for (const dependency of Object.keys(dependencies)) visit(dependency);
  };
  for (const name of imports) visit(name);
  return [...found]
    .flatMap((name) => filesOf(join(root, 'node_modules', name), `node_modules/${name}/`))
    .filter(({ name }) => /\.(js|cjs|mjs|json)$/.test(name));
}

const loads = imports.map((name) => `require('${name}');`).join('\n');
const busyMs = 1500;

/** A new Node instance while a warm process waits (hit), the very first one (miss), and a bare `node` with the same imports. */
export async function nodeStarts(stage: Stage): Promise<Row[]> {
  const handler = `exports.handler = (event, context, callback) => setTimeout(callback, Number(event.toString()), null, 'ok');`;
  const files = [{ name: 'index.js', data: Buffer.from(`${loads}\n${handler}\n`) }, ...packages()];
  await deployFunction(stage.sluice, 'node-cold', files, { settings: { runtime: 'nodejs24', handler: 'index.handler' } });
  const miss = await invoke(stage, 'node-cold', '0');
  const warm: number[] = [];
  for (let i = 0; i < 50; i += 1) warm.push(await invoke(stage, 'node-cold', '0'));
  const hits: number[] = [];
  const bare: number[] = [];
  const startBare = () => {
    const started = performance.now();
    execFileSync(process.execPath, ['-e', loads], { cwd: root, env: { PATH: '/usr/bin:/bin' } });
    return performance.now() - started;
  };
  startBare();
  for (let round = 1; round <= 3; round += 1) {
    // As many calls as there are instances keep them all busy; one more must start a new one.
    const busy = Array.from({ length: round }, () => invoke(stage, 'node-cold', String(busyMs)));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    hits.push((await invoke(stage, 'node-cold', '0')) - median(warm));
    await Promise.all(busy);
    bare.push(startBare());
  }
  const reference = { reference: median(bare), unit: 'ms', referenceName: 'bare node, same imports' };
  return [
    compare({ name: 'cold start Node with ali-oss, a process waits warm', ours: median(hits), ...reference, most: 0.35 }),
    compare({ name: 'cold start Node with ali-oss, first of its function', ours: miss - median(warm), ...reference }),
  ];
}
