import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childrenOf } from './meter.ts';

/** A server that Sluice is measured against, in the same run. */
export interface Reference {
  host: string;
  port: number;
  /** The process whose CPU counts. */
  pid: number;
  stop(): void;
}

/** A Node reference server; see reference/http.ts. */
export function startNode(...args: string[]): Promise<Reference> {
  return startServer('http.ts', args);
}

/** A part of the model of MinIO's Object Lambda path; see reference/minio.ts. */
export function startModel(...args: string[]): Promise<Reference> {
  return startServer('minio.ts', args);
}

async function startServer(file: string, args: string[]): Promise<Reference> {
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, 'reference', file), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return { host: '127.0.0.1', port: Number(line.toString()), pid: child.pid as number, stop: () => child.kill('SIGKILL') };
}

function hasNginx(): boolean {
  try {
    execFileSync('nginx', ['-v'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = createConnection({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** nginx with one worker serving `files`, with sendfile on or off, and taking PUT by WebDAV where asked; undefined where nginx is not installed. */
export async function startNginx(
  port: number,
  sendfile: boolean,
  files: Record<string, Buffer>,
  dav = false,
): Promise<Reference | undefined> {
  if (!hasNginx()) return undefined;
  const writing = dav ? 'dav_methods PUT; create_full_put_path on; client_max_body_size 0; client_body_buffer_size 256k;' : '';
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-nginx-'));
  for (const [name, data] of Object.entries(files)) writeFileSync(join(folder, name), data, { mode: 0o644 });
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  writeFileSync(
    join(folder, 'nginx.conf'),
    `${user} daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
     events { worker_connections 1024; }
     http { access_log off; sendfile ${sendfile ? 'on' : 'off'}; output_buffers 2 256k; keepalive_requests 1000000000;
       client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c; uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
       ${writing} server { listen 127.0.0.1:${port}; root ${folder}; } }`,
  );
  const master = spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')], { stdio: 'ignore' });
  for (let tries = 0; tries < 100 && !(await answers(port)); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  const [worker] = childrenOf(master.pid as number);
  return {
    host: '127.0.0.1',
    port,
    pid: worker as number,
    stop: () => {
      master.kill('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
