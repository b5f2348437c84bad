import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Settings } from './config.ts';
import {
  type Certificate,
  createListener,
  type Dialect,
  developmentCertificate,
  givenCertificate,
  type Listener,
  type ListenerOptions,
} from './http/index.ts';
import type { Audit, Telemetry } from './telemetry/index.ts';

/** Raised when the server cannot start for a reason that its user can mend; the message says how. */
export class StartError extends Error {}

const functionsHeaderBytes = 65_536;

export interface DoorParts {
  settings: Settings;
  telemetry: Telemetry;
  audit: Audit;
  /** Data folder, for a development certificate. */
  folder: string;
  /** The dialect of each listener. */
  dialects: Record<'data' | 'control' | 'functions', Dialect>;
  /** Keeps a listener until the server closes. */
  keep: (listener: Listener) => Listener;
  /** Told where functions send their answers, and where programs of this machine reach the same listener, before any other is open. */
  onRoute: (url: string, local: string) => void;
}

export interface Doors {
  data: Listener;
  control: Listener;
  functions: Listener;
  /** Base URLs. */
  addresses: { data: string; control: string; functions: string };
  /** What a user should know, e.g. which certificate authority to trust. */
  notes: string[];
}

/** Starts the three listeners; the functions listener first, since a transform needs it. @throws StartError */
export async function openDoors({ settings, telemetry, audit, folder, dialects, keep, onRoute }: DoorParts): Promise<Doors> {
  const { host } = settings;
  const certificate = certificateOf(settings, folder);
  const start = async (options: Omit<ListenerOptions, 'telemetry' | 'audit'>): Promise<Listener> => {
    const listener = createListener({ telemetry, audit, ...options });
    await listener.start().catch((error: Error) => {
      throw new StartError(error.message, { cause: error });
    });
    return keep(listener);
  };
  const functions = await start({
    name: 'functions',
    host: settings.functionsHost,
    port: settings.functionsPort,
    dialect: dialects.functions,
    // Behind this door stand our own functions: limits against strangers would only hurt them.
    limits: {
      headerBytes: functionsHeaderBytes,
      connectionsPerAddress: settings.http.connections,
      requestsPerKey: Number.POSITIVE_INFINITY,
    },
    portSetting: '--functions-port',
  });
  const route = functionsUrl(settings, functions);
  onRoute(route, urlOf(settings.functionsHost, functions.port));
  const common = { host, limits: settings.http, tls: certificate };
  const data = await start({ ...common, name: 'data', port: settings.port, dialect: dialects.data, portSetting: '--port' });
  const control = await start({
    ...common,
    name: 'control',
    port: settings.controlPort,
    dialect: dialects.control,
    allowedHosts: controlHosts(settings),
    portSetting: '--control-port',
  });
  const scheme = certificate ? 'https' : 'http';
  return {
    data,
    control,
    functions,
    addresses: { data: urlOf(host, data.port, scheme), control: urlOf(host, control.port, scheme), functions: route },
    notes: certificate?.authority === undefined ? [] : [`TLS with a development certificate; clients must trust ${certificate.authority}`],
  };
}

function certificateOf(settings: Settings, folder: string): (Certificate & { authority?: string }) | undefined {
  const { cert, key, development } = settings.tls;
  try {
    if (cert !== undefined && key !== undefined) return givenCertificate(cert, key);
    if (!development) return undefined;
    const names = new Set([
      'localhost',
      '127.0.0.1',
      '::1',
      ...settings.domains.flatMap((name) => [name, `*.${name}`]),
      ...settings.controlHosts,
    ]);
    if (settings.host !== '0.0.0.0' && settings.host !== '::') names.add(settings.host);
    return developmentCertificate(join(folder, 'tls'), [...names]);
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function urlOf(host: string, port: number, scheme = 'http'): string {
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `${scheme}://${isIP(shown) === 6 ? `[${shown}]` : shown}:${port}`;
}

function functionsUrl(settings: Settings, listener: Listener): string {
  const { advertise } = settings;
  if (advertise === undefined) return urlOf(settings.functionsHost, listener.port);
  return advertise.includes(':') ? `http://${advertise}` : `http://${advertise}:${listener.port}`;
}

/** The control listener answers only names that its user gave it, so that no page in a browser can reach it under a name of its own. */
function controlHosts(settings: Settings): (host: string) => boolean {
  const names = new Set([
    '127.0.0.1',
    'localhost',
    '[::1]',
    settings.host.toLowerCase(),
    ...settings.controlHosts.map((name) => name.toLowerCase()),
  ]);
  return (host) => names.has(host.replace(/:\d+$/, ''));
}
