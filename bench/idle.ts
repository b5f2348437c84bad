import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { deleteFunction, deployFunction } from '../test/acceptance/harness/deploy.ts';
import { invokeFunction, provision } from '../test/acceptance/harness/fc.ts';
import { descendants } from '../test/acceptance/harness/processes.ts';
import { go, python } from '../test/acceptance/harness/toolchain.ts';
import { askingProgram } from './go.ts';
import { weighedJava } from './java.ts';
import { median } from './meter.ts';
import { compare, type Row } from './report.ts';
import type { Stage } from './stage.ts';

const instances = 4;

/** A runtime whose idle instances are weighed, and a bare process of its language with the same imports. */
export interface Weighed {
  name: string;
  /** Names of the processes that are instances; of several in one line of descent the last is meant. */
  process: RegExp;
  /** Deploys a function by this name that answers any event. */
  deploy: (stage: Stage, name: string) => Promise<void>;
  /** An event that the function answers; `0` when left out. */
  event?: string;
  /** Starts the bare process, and resolves when it is idle. */
  bare: () => Promise<Bare>;
}

export interface Bare {
  pid: number;
  stop(): void;
}

/** Memory that a process shares with no other, MiB (proc(5), smaps_rollup). */
function privateMib(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const kilobytes = [...text.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB/gm)].reduce((sum, match) => sum + Number(match[1]), 0);
  return kilobytes / 1024;
}

/** A program that prints a line when it is idle. */
export async function untilItPrints(program: string, args: string[]): Promise<Bare> {
  const child: ChildProcess = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  await new Promise((resolve, reject) => {
    child.stdout?.once('data', resolve);
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${program} ended`)));
  });
  return { pid: child.pid as number, stop: () => child.removeAllListeners('exit').kill('SIGKILL') };
}

async function bareMib(start: Weighed['bare']): Promise<number> {
  const { pid, stop } = await start();
  try {
    return privateMib(pid);
  } finally {
    stop();
  }
}

/** Private memory of an idle instance after one event, median of four. */
export async function idleMemory(stage: Stage, weighed: readonly Weighed[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const it of weighed) {
    const name = `idle-${it.name.toLowerCase()}`;
    const before = new Set(descendants(stage.sluice.pid).map(({ pid }) => pid));
    await it.deploy(stage, name);
    await provision(stage.sluice, name, instances);
    await invokeFunction(stage.sluice, name, it.event ?? '0');
    const leaves = () =>
      descendants(stage.sluice.pid).filter(
        ({ pid, command }) => !before.has(pid) && it.process.test(command) && descendants(pid).length === 0,
      );
    for (let round = 0; round < 100 && leaves().length < instances; round += 1) await new Promise((resolve) => setTimeout(resolve, 50));
    await new Promise((resolve) => setTimeout(resolve, 300));
    rows.push(
      compare({
        name: `private memory of an idle instance, ${it.name}`,
        ours: median(leaves().map(({ pid }) => privateMib(pid))),
        reference: await bareMib(it.bare),
        unit: 'MiB',
        referenceName: 'bare process with the same imports',
      }),
    );
    await deleteFunction(stage.sluice, name);
  }
  return rows;
}

/** What there is to weigh on this machine; other runtimes add theirs. */
export function weighedRuntimes(): Weighed[] {
  return [...weighedPython(), ...weighedNode(), ...weighedJava(), ...weighedGo()];
}

function weighedPython(): Weighed[] {
  const interpreter = python.tools?.interpreter;
  if (!interpreter) return [];
  const imports = 'import json, time, urllib.request';
  const source = `${imports}\ndef handler(event, context):\n    return "ok"\n`;
  return [
    {
      name: 'Python',
      process: /python/,
      deploy: (stage, name) => deployFunction(stage.sluice, name, [{ name: 'index.py', data: Buffer.from(source) }]),
      bare: () => untilItPrints(interpreter, ['-S', '-u', '-c', `${imports}\nprint("idle")\ninput()`]),
    },
  ];
}

function weighedNode(): Weighed[] {
  const imports = "require('node:http'); require('node:crypto');";
  const source = `${imports} exports.handler = async () => 'ok';`;
  const settings = { runtime: 'nodejs24', handler: 'index.handler' };
  return [
    {
      name: 'Node',
      process: /node|MainThread/,
      deploy: (stage, name) => deployFunction(stage.sluice, name, [{ name: 'index.js', data: Buffer.from(source) }], { settings }),
      bare: () => untilItPrints(process.execPath, ['-e', `${imports} process.stdin.resume(); console.log('idle')`]),
    },
  ];
}

function weighedGo(): Weighed[] {
  const program = go.tools?.functions['acts-0.3.1'];
  if (!program) return [];
  const code = { name: 'main', data: readFileSync(program), mode: 0o755 };
  return [
    {
      name: 'Go',
      process: /(^|\/)main$/,
      event: JSON.stringify({ do: 'other' }),
      deploy: (stage, name) => deployFunction(stage.sluice, name, [code], { settings: { runtime: 'go1', handler: 'main' } }),
      bare: () => askingProgram(program),
    },
  ];
}
