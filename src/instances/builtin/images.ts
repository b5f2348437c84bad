import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Fault, type FaultCode } from '../../faults/index.ts';
import type { FunctionVersion } from '../../functions/index.ts';
import { type BodyStream, now, readAll, type Signal } from '../../kit/index.ts';
import type { DirectAnswer, Invocation, InvocationResult } from '../invocation.ts';
import type { Plan } from './image/plan.ts';
import { packageTree, ship } from './shipped.ts';

/** What is to be made of a picture, and for whom. */
export interface ImageOrder {
  readonly requestId: string;
  readonly plan: Plan;
  /** Opens the picture, and behind it those of watermarks: each at most once, and only when it is read. */
  readonly inputs: readonly (() => Readable)[];
  /** Orders of one share wait in turn with those of others. */
  readonly share: string;
  readonly signal: Signal;
  /** Takes the result; resolves when its body was read whole. What it throws is thrown by `render`. */
  readonly take: (result: { contentType: string; length: number | undefined; body: BodyStream }) => Promise<void>;
}

export interface ImagesOptions {
  invoke: (fn: FunctionVersion, call: Invocation) => Promise<InvocationResult>;
  /** Folder that every function can read; the code is put below it. */
  folder: string;
  /** The user that pictures are processed as; undefined when the server is not root. */
  user: () => Promise<number | undefined>;
}

const library = 'sharp';
/** Where the code of the function lies, and where its packages are looked for from. */
const code = fileURLToPath(new URL('./image/', import.meta.url));
/** One picture may take so long, and so much memory. */
const timeoutMs = 20_000;
const memoryMb = 1024;
/** An order waits for a free process at most so long, milliseconds. */
const waitMs = 15_000;
const mostProcesses = 8;
const idleTimeoutMs = 60_000;
const refusalBytes = 64 * 1024;
/** Credentials of code that has none. */
export const nobody = { accessKeyId: '', accessKeySecret: '', securityToken: '' };
const arn = 'sluice:builtin/image';

/** Whether a function comes with the server: it has no role and gets no credentials. */
export function isBuiltin(fn: Pick<FunctionVersion, 'arn'>): boolean {
  return fn.arn === arn;
}

/** Processes pictures in processes of their own behind the wall: one picture a process at a time, without credentials. */
export class Images {
  readonly #options: ImagesOptions;
  #version: Promise<FunctionVersion> | undefined;

  constructor(options: ImagesOptions) {
    this.#options = options;
  }

  /**
   * Processes one picture. @throws Fault BadRequest, ImageTooLarge, WatermarkError for pictures that are refused; NotImplemented where the library
   * is not installed; ServiceUnavailable when too many wait; what `take` throws
   */
  async render(order: ImageOrder): Promise<void> {
    const version = await this.#ready();
    let error: unknown;
    const keep = (caught: unknown) => {
      error ??= caught;
    };
    const call: Invocation = {
      requestId: order.requestId,
      event: Buffer.from(JSON.stringify(order.plan)),
      credentials: nobody,
      deadline: now() + waitMs + timeoutMs,
      signal: order.signal,
      share: order.share,
      inputs: order.inputs.map((open) => () => open().on('error', keep)),
      answer: (answer) => taken(order, answer).catch(keep),
    };
    const result = await this.#options.invoke(version, call).catch((caught: unknown) => {
      throw busy(caught);
    });
    if (error) throw error;
    if (result.failure) throw failed(result);
  }

  #ready(): Promise<FunctionVersion> {
    this.#version ??= this.#make();
    const made = this.#version;
    // Whoever installs what is missing need not start the server again.
    made.catch(() => {
      this.#version = undefined;
    });
    return made;
  }

  async #make(): Promise<FunctionVersion> {
    const packages = packageTree(library, code);
    if (!packages.has(library)) throw missing('is not installed');
    const isNative = (name: string) => name.startsWith('@img/sharp-') && !name.includes('libvips');
    if (![...packages.keys()].some(isNative)) throw missing('is installed without its part for this platform');
    const codeDir = join(this.#options.folder, 'image');
    await ship(code, packages, codeDir);
    const uid = await this.#options.user();
    return {
      ...{ arn, name: 'sluice.image', qualifier: 'LATEST', versionId: 'LATEST', revision: 'shipped', runtime: 'nodejs24' },
      ...{ handler: 'index.fetch', timeoutMs, memoryMb, instanceConcurrency: 1, idleTimeoutMs, provisioned: 0 },
      maxInstances: Math.min(mostProcesses, Math.max(2, availableParallelism())),
      ...{ env: {}, codeDir, layerDirs: [], ...(uid === undefined ? {} : { uid }) },
    };
  }
}

function missing(how: string): Fault {
  return new Fault(
    'NotImplemented',
    `Pictures cannot be processed (x-oss-process): the package ${library} ${how}. Install it beside Sluice: npm install ${library}`,
  );
}

/** What a result may say that it is: a decoder that was taken over must not make pages for browsers. */
const resultType = /^(?:image\/(?:jpeg|png|webp|gif|bmp|tiff|avif)|application\/json)$/;

/** Hands a result on; a refusal is thrown. */
async function taken({ take }: ImageOrder, { status, headers, body }: DirectAnswer): Promise<void> {
  try {
    const contentType = headers['content-type'] ?? '';
    if (!resultType.test(contentType)) throw new Error(`Pictures are not answered as ${contentType}.`);
    if (status === 200) {
      const length = headers['content-length'];
      return await take({ contentType, length: length === undefined ? undefined : Number(length), body });
    }
    const text = await readAll(body, refusalBytes);
    const { code: name, message } = JSON.parse(text.toString()) as { code: FaultCode; message: string };
    throw new Fault(name, message);
  } finally {
    // What nobody reads must not hold the process.
    body.destroy();
  }
}

function busy(error: unknown): unknown {
  if (!(error instanceof Fault)) return error;
  const isBusy = error.code === 'ResourceThrottled' || error.code === 'ResourceExhausted';
  const what = isBusy ? 'Too many pictures wait to be processed. Try again.' : error.message;
  return new Fault('ServiceUnavailable', what, { cause: error, headers: { 'Retry-After': '1' } });
}

/** Why the process of a picture ended without an answer. */
function failed({ failure, payload }: InvocationResult): Fault {
  const cause = new Error(failure?.message);
  switch (failure?.kind) {
    case 'timeout':
      return new Fault('ImageTooLarge', `The picture took longer than ${timeoutMs / 1000} seconds to be processed.`, { cause });
    case 'out-of-memory':
      return new Fault('ImageTooLarge', `The picture needs more than ${memoryMb} MB to be processed.`, { cause });
    case 'exited':
      return new Fault('BadRequest', 'The picture made its decoder fail.', { cause });
    default:
      if (payload.includes('ImportModuleError')) return missing(`cannot be loaded (${failure?.message.slice(0, 300)})`);
      return new Fault('InternalError', undefined, { cause });
  }
}
