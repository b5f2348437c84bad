import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ossDo } from '../harness/deploy.ts';
import type { Sluice } from '../harness/sluice.ts';
import { compiled, python, root } from '../harness/toolchain.ts';
import type { Block } from './blocks.ts';

const blockMs = 120_000;
const anAlias = /[a-z0-9-]+-[0-9a-f]{34}-opapalias/g;

/** One page's blocks, run in order as a reader would: in a folder that looks like the repository's, with the key and the endpoints in the environment. */
export class Session {
  readonly folder: string;
  readonly #sluice: Sluice;
  /** Standard output of the last command. */
  #output = '';
  #alias = '';

  constructor(sluice: Sluice) {
    this.#sluice = sluice;
    this.folder = mkdtempSync(join(tmpdir(), 'sluice-docs-'));
    chmodSync(this.folder, 0o755);
    const own = join(this.folder, '.session');
    mkdirSync(join(own, 'bin'), { recursive: true });
    symlinkSync(join(root, 'bin', 'sluice'), join(own, 'bin', 'sluice'));
    writeFileSync(join(own, 'bin', 'python3'), pip, { mode: 0o755 });
    for (const name of ['bin', 'node_modules', 'examples']) symlinkSync(join(root, name), join(this.folder, name));
    const { data, control, key, accountId } = sluice;
    const [dataPort, controlPort] = [data, control].map((url) => new URL(url).port);
    const variables = {
      ...{
        OSS_ACCESS_KEY_ID: key.id,
        OSS_ACCESS_KEY_SECRET: key.secret,
        SLUICE_ACCESS_KEY_ID: key.id,
        SLUICE_ACCESS_KEY_SECRET: key.secret,
      },
      ...{
        SLUICE_ENDPOINT: control,
        SLUICE_DATA_ENDPOINT: data,
        OSS_ENDPOINT: `http://localhost:${dataPort}`,
        FC_ENDPOINT: `127.0.0.1:${controlPort}`,
      },
      ...{ ACCOUNT_ID: accountId, XDG_CONFIG_HOME: join(own, 'config'), GOTOOLCHAIN: 'local', GOFLAGS: '' },
      // For the servers of their own that some pages start.
      ...{ SLUICE_PORT: '0', SLUICE_CONTROL_PORT: '0' },
    };
    const lines = Object.entries(variables).map(([name, value]) => `export ${name}='${value}'\n`);
    writeFileSync(join(own, 'environment'), lines.join(''));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  async run(block: Block): Promise<void> {
    const { language, kind, text } = block;
    const where = `${block.page}:${block.line}`;
    if (kind === 'output')
      assert.match(this.#output, patternOf(this.#filled(text, where)), `${where}: that is not what the command above printed`);
    else if (kind.startsWith('file=')) this.#write(kind.slice('file='.length), text.replaceAll('/srv/', `${this.folder}/srv/`));
    else if (kind.startsWith('PUT ')) await this.#put(kind.slice('PUT '.length), text);
    else if (kind.startsWith('until=')) await this.#shell(this.#filled(text, where), where, new RegExp(kind.slice('until='.length)));
    else if (kind === 'test' && language === 'sh') await this.#shell(this.#filled(text, where), where);
    else if (kind === 'test' && language === 'python') await this.#python(this.#filled(text, where), where);
    else if (kind === 'test' && language === 'js') await this.#node(this.#filled(text, where), where);
    else assert.fail(`${where}: nothing is known to be done with "${language} ${kind}"`);
  }

  /** The text as it is after a reader has put in what is his: addresses, key and alias. */
  #filled(text: string, where: string): string {
    const { data, control, key } = this.#sluice;
    const [dataHost, controlHost] = [data, control].map((url) => new URL(url).host);
    const known: [RegExp, string][] = [
      [/(127\.0\.0\.1|localhost):9000\b/g, dataHost?.replace('127.0.0.1', '$1') ?? ''],
      [/(127\.0\.0\.1|localhost):9001\b/g, controlHost?.replace('127.0.0.1', '$1') ?? ''],
      [/<(root )?key id>|(?<=OSS_ACCESS_KEY_ID=)\.\.\./g, key.id],
      [/<(root )?key secret>|(?<=OSS_ACCESS_KEY_SECRET=)\.\.\./g, key.secret],
      [/\/(srv|backup)\//g, `${this.folder}/$1/`],
      [/<alias>|<the alias that it showed>|\b[a-z0-9-]+-\.\.\.-opapalias/g, this.#alias],
    ];
    const filled = known.reduce((done, [pattern, value]) => done.replaceAll(pattern, value), text);
    const open = /<[a-z][a-z ]*>/.exec(filled.replaceAll(/<<'?[A-Z]+'?/g, ''))?.[0];
    assert.equal(open, undefined, `${where}: nothing is known to stand for ${open}`);
    return filled;
  }

  #write(name: string, text: string): void {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    // A reader has them of `go mod init` and `go get`.
    const modules = join(root, 'test', 'acceptance', 'functions', 'go', 'answer');
    if (name.endsWith('.go')) for (const file of ['go.mod', 'go.sum']) copyFileSync(join(modules, file), join(dirname(path), file));
  }

  /** An XML document for the data listener, as `PUT /bucket?subresource`, with the name that it is for. */
  async #put(target: string, body: string): Promise<void> {
    const { pathname, searchParams } = new URL(target, 'http://oss');
    const [name, header] = [searchParams.get('name'), searchParams.get('header')];
    const query = Object.fromEntries([...searchParams].filter(([key]) => key !== 'name' && key !== 'header'));
    const headers = { 'content-type': 'application/xml', ...(name && header ? { [header]: name } : {}) };
    await ossDo(this.#sluice, { method: 'PUT', bucket: pathname.slice(1), query, headers, body });
  }

  async #python(text: string, where: string): Promise<void> {
    const head = 'import os\naccess_key_id, access_key_secret = os.environ["OSS_ACCESS_KEY_ID"], os.environ["OSS_ACCESS_KEY_SECRET"]\n';
    this.#write('snippet.py', `${head}alias = "${this.#alias}"\n${text}`);
    const { interpreter = 'python3', oss2 } = python.tools ?? {};
    await this.#shell(`PYTHONPATH='${oss2?.newest ?? ''}' ${interpreter} -S snippet.py`, where);
  }

  async #node(text: string, where: string): Promise<void> {
    const head = 'const { OSS_ACCESS_KEY_ID: accessKeyId, OSS_ACCESS_KEY_SECRET: accessKeySecret, ACCOUNT_ID: accountId } = process.env;\n';
    this.#write('snippet.mjs', head + text);
    await this.#shell(`node_modules/.bin/node snippet.mjs`, where);
  }

  /** Lines for a shell. What they export counts in the following blocks. @param until ends them by Ctrl C when this was printed */
  async #shell(lines: string, where: string, until?: RegExp): Promise<void> {
    const session = join(this.folder, '.session');
    // What Ctrl C ends must not end in the middle of writing.
    const keep = until ? '' : `export -p > '${session}/environment'\n`;
    const script = `. '${session}/environment'\nset -euo pipefail\n${lines}\n${keep}`;
    const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...inherited } = process.env;
    const child = spawn('bash', ['-c', script], {
      cwd: this.folder,
      env: {
        ...inherited,
        PATH: `${join(session, 'bin')}:${join(root, 'node_modules', '.bin')}:${process.env.PATH}`,
        HOME: this.folder,
        ...compiled,
        ...goFolders(),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const ran = await ended(child, until);
    this.#output = ran.out;
    this.#alias = ran.out.match(anAlias)?.at(-1) ?? this.#alias;
    assert.ok(until ? until.test(ran.out + ran.err) : ran.code === 0, `${where} ended with ${ran.code}:\n${lines}\n${ran.out}${ran.err}`);
  }
}

/** HOME is the session's own; what Go fetched and built before is in the user's. */
function goFolders(): Record<string, string> {
  const home = process.env.HOME ?? '/root';
  const { GOPATH = join(home, 'go'), GOCACHE = join(home, '.cache', 'go-build') } = process.env;
  return existsSync(GOPATH) ? { GOPATH, GOCACHE } : {};
}

/** `python3 -m pip install PACKAGE` into a folder, with what the toolchain installed in that very way; anything else is the machine's own. */
const pip = `#!/bin/bash
if [ "$1 $2 $3" = '-m pip install' ]; then
  for word in "$@"; do
    case "$word" in oss2) from='${python.tools?.oss2.newest}' ;; pillow) from='${python.tools?.packages}' ;; /*|[a-z]*) into=$word ;; esac
  done
  mkdir -p "$into" && exec cp -r "$from"/. "$into"
fi
exec ${python.tools?.interpreter ?? 'false'} "$@"
`;

interface Ran {
  code: number | null;
  out: string;
  err: string;
}

async function ended(child: ChildProcess, until?: RegExp): Promise<Ran> {
  const ran: Ran = { code: null, out: '', err: '' };
  const group = (signal: NodeJS.Signals) => {
    try {
      process.kill(-(child.pid as number), signal);
    } catch {
      // It has ended.
    }
  };
  let seen = false;
  const look = () => {
    if (seen || !until?.test(ran.out + ran.err)) return;
    seen = true;
    group('SIGINT');
  };
  child.stdout?.on('data', (chunk: Buffer) => {
    ran.out += chunk.toString();
    look();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    ran.err += chunk.toString();
    look();
  });
  const kill = () => group('SIGKILL');
  const timer = setTimeout(kill, blockMs);
  // A test run that is broken off takes its commands along.
  process.once('exit', kill);
  ran.code = await new Promise((resolve) => child.once('close', resolve));
  process.off('exit', kill);
  clearTimeout(timer);
  return ran;
}

/** A shown output as a pattern: lines as they are, `...` for anything. */
function patternOf(text: string): RegExp {
  const escaped = text
    .trim()
    .split('...')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('[\\s\\S]*?')}\\s*$`);
}
