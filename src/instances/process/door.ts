import { chmod } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, equalSecret, type Timer } from '../../kit/index.ts';

/** 'F' carries frames, 'O' the instance's standard output and error. */
export type ConnectionKind = 'F' | 'O';
/** Receives an authenticated connection and the bytes that came right behind the greeting. */
export type Take = (kind: ConnectionKind, socket: Socket, rest: Buffer) => void;

export const idLength = 26;
export const secretLength = 64;
const greetingLength = 1 + idLength + secretLength;
const greetingMs = 5_000;
const strangersLimit = 64;

interface Expected {
  secret: string;
  open: Set<ConnectionKind>;
  take: Take;
}

/**
 * The one Unix socket that instances connect back to, and a port of the loopback address for hosts that know no such sockets. Anybody on the
 * machine may knock; only who says an expected instance's id and secret within five seconds is let in, once for each kind of connection.
 */
export class Door {
  readonly #server: Server;
  #tcp: Server | undefined;
  readonly #expected = new Map<string, Expected>();
  readonly #strangers = new Map<Socket, Timer>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(path: string): Promise<Door> {
    const server = createServer((socket) => door.#greet(socket));
    const door = new Door(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    // Instances run as other users; the secret is what lets them in.
    await chmod(path, 0o666);
    server.unref();
    return door;
  }

  /** Listens on a free port of 127.0.0.1 as well; the same one when asked again. */
  async listenTcp(): Promise<number> {
    if (!this.#tcp) {
      // A frame is one write: waiting for more would only delay it.
      const server = createServer({ noDelay: true }, (socket) => this.#greet(socket));
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, '127.0.0.1', resolve);
      });
      server.unref();
      this.#tcp = server;
    }
    return (this.#tcp.address() as AddressInfo).port;
  }

  /** Lets an instance in: one connection of each kind. */
  expect(id: string, secret: string, take: Take, kinds: readonly ConnectionKind[] = ['F', 'O']): void {
    this.#expected.set(id, { secret, open: new Set(kinds), take });
  }

  forget(id: string): void {
    this.#expected.delete(id);
  }

  /** Connections that have not said who they are. */
  get strangers(): number {
    return this.#strangers.size;
  }

  async close(): Promise<void> {
    this.#expected.clear();
    const servers = this.#tcp ? [this.#server, this.#tcp] : [this.#server];
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const socket of this.#strangers.keys()) socket.destroy();
    await Promise.all(closed);
  }

  #greet(socket: Socket): void {
    const [oldest] = this.#strangers.size >= strangersLimit ? this.#strangers.keys() : [];
    oldest?.destroy();
    let held: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      if (held.length < greetingLength) return;
      socket.off('data', onData);
      socket.off('close', forget);
      forget();
      if (!this.#admit(socket, held)) socket.destroy();
    };
    const forget = () => {
      this.#strangers.get(socket)?.cancel();
      this.#strangers.delete(socket);
    };
    this.#strangers.set(
      socket,
      after(greetingMs, () => socket.destroy()),
    );
    socket.on('error', () => socket.destroy());
    socket.on('close', forget);
    socket.on('data', onData);
  }

  #admit(socket: Socket, bytes: Buffer): boolean {
    const text = bytes.toString('latin1', 0, greetingLength);
    const kind = text[0] as ConnectionKind;
    const id = text.slice(1, 1 + idLength);
    const expected = this.#expected.get(id);
    if (!equalSecret(text.slice(1 + idLength), expected?.secret ?? '') || !expected?.open.delete(kind)) return false;
    if (expected.open.size === 0) this.#expected.delete(id);
    expected.take(kind, socket, bytes.subarray(greetingLength));
    return true;
  }
}
