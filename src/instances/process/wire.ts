import { FrameError, frameOf } from '../../kit/index.ts';

/** Frame types that hosts and server agree on; the host's side of the list is hosts/python/sluice_host/wire.py. */
export const frame = {
  // The control connection of a fork server.
  config: 1,
  ready: 2,
  fork: 3,
  forked: 4,
  exited: 5,
  skip: 6,
  shutdown: 7,
  // Ends one instance: the server may not know its process by an id of its own.
  halt: 8,
  // The connection of one instance.
  initialising: 16,
  serving: 17,
  invoke: 18,
  result: 19,
  error: 20,
  // {timeoutMs, id}: runs the preStop hook, its output under the request id of that call; {ok, message?} comes back.
  preStop: 21,
  stopped: 22,
  // From Java, behind the first result: names of the classes that it loaded of the function, one a line.
  loaded: 23,
  // An answer over this connection, only where INVOKE said `answer: true`: {id, status, headers}, then chunks {id} and their end {id},
  // or {id, message} when it broke off. The server sends `broken` as well, to a host whose answer nobody takes any more.
  answer: 32,
  chunk: 33,
  end: 34,
  broken: 35,
  // {id, bytes}: the host may send that many more bytes of body; `initialCredit` is granted from the start.
  credit: 36,
  // {id, input, bytes}: the host can take that many more bytes of an input that INVOKE said there is; they come as {id, input} with a body,
  // and end with {id, input}, which has a message when the input could not be read to its end.
  wanted: 40,
  input: 41,
  inputEnd: 42,
  // {id, input, headers, bytes}: the host reads the original, where INVOKE said that it can, as an input of a number that it chose, and can take
  // that many bytes. {id, input, status, headers} comes back, the headers names and values in turn; with `whole` its body is all there is.
  read: 43,
  inputHead: 44,
  // {id, input}: the host wants no more of it.
  dropped: 45,
} as const;

/** Bytes of an answer's body that a host may send before it was granted more; a host that sends beyond its credit is cut off. */
export const initialCredit = 256 * 1024;

/** Room for the JSON head of a frame, bytes. */
export const headRoom = 64 * 1024;

const noBody = Buffer.alloc(0);

/** What stands before a body of so many bytes, which is to be sent behind it as it is. */
export function packHead(type: number, head: object, bodyBytes: number): Buffer {
  const text = JSON.stringify(head);
  const size = Buffer.byteLength(text);
  const { start, frame: packed } = frameOf(type, 4 + size, bodyBytes);
  packed.writeUInt32BE(size, start);
  packed.write(text, start + 4);
  return packed;
}

/** One frame whose payload is u32 length of the JSON head, the head, and raw bytes. */
export function pack(type: number, head: object, body: Buffer = noBody): Buffer {
  const text = JSON.stringify(head);
  const size = Buffer.byteLength(text);
  const { start, frame: packed } = frameOf(type, 4 + size + body.length);
  packed.writeUInt32BE(size, start);
  packed.write(text, start + 4);
  if (body.length > 0) packed.set(body, start + 4 + size);
  return packed;
}

/**
 * The head and the body of a frame's payload. What the head holds is the word of user code: check it.
 * @throws FrameError when it is not of that form
 */
export function unpack(payload: Buffer): { head: Record<string, unknown>; body: Buffer } {
  if (payload.length < 4) throw new FrameError('A frame is too short for its head.');
  const size = payload.readUInt32BE(0);
  if (size > headRoom || 4 + size > payload.length) throw new FrameError('The head of a frame is longer than the frame.');
  let head: unknown;
  try {
    head = JSON.parse(payload.toString('utf8', 4, 4 + size));
  } catch (error) {
    throw new FrameError('The head of a frame is not JSON.', { cause: error });
  }
  if (typeof head !== 'object' || head === null || Array.isArray(head)) throw new FrameError('The head of a frame is not a JSON object.');
  return { head: head as Record<string, unknown>, body: payload.subarray(4 + size) };
}
