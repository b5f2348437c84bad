import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault, type FaultCode } from '../faults/index.ts';
import { packZip } from '../kit/index.ts';
import { type Metadata, openMetadata } from '../metadata/index.ts';
import { type Functions, openFunctions } from './index.ts';

export const isRoot = process.getuid?.() === 0;
export const interpreter = ['/usr/bin/python3', '/usr/local/bin/python3'].find((file) => existsSync(file));
export const accountId = '1234567890123456';

/** The room on folders of its own, over a real database. */
export interface Room {
  functions: Functions;
  metadata: Metadata;
  root: string;
  runDir: string;
  dataDir: string;
  /** Closes the room and opens it again on the same folders. */
  reopen(more?: Partial<Parameters<typeof openFunctions>[0]>): Promise<Functions>;
  close(): Promise<void>;
}

export async function openRoom(more: Partial<Parameters<typeof openFunctions>[0]> = {}): Promise<Room> {
  const root = await mkdtemp(join(tmpdir(), 'functions-'));
  await chmod(root, 0o711);
  const [dataDir, runDir] = [join(root, 'data'), join(root, 'run')];
  await mkdir(dataDir, { mode: 0o700 });
  await mkdir(runDir, { mode: 0o711 });
  const metadata = await openMetadata({ file: join(dataDir, 'metadata.db'), durability: 'relaxed' });
  const open = (change: typeof more = {}) =>
    openFunctions({ metadata, runDir, dataDir, accountId, region: 'cn-qingdao', serverIsRoot: isRoot, ...more, ...change });
  const room: Room = {
    functions: await open(),
    metadata,
    root,
    runDir,
    dataDir,
    reopen: async (change) => {
      await room.functions.close();
      room.functions = await open(change);
      return room.functions;
    },
    close: async () => {
      await room.functions.close();
      await metadata.close();
      await rm(root, { recursive: true, force: true });
    },
  };
  return room;
}

export const source = 'def handler(event, context):\n    return event\n';

export function pythonZip(text = source): Promise<Buffer> {
  return packZip([{ name: 'index.py', data: Buffer.from(text) }]);
}

export function python(functionName: string, more: object = {}): object {
  return { functionName, runtime: 'python3.10', handler: 'index.handler', ...more };
}

export function faultOf(code: FaultCode, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof Fault, `${error}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}
