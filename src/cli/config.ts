import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { CliFailure } from './failure.ts';

const profileFields = ['endpoint', 'dataEndpoint', 'region', 'accessKeyId', 'accessKeySecret', 'securityToken', 'caFile'] as const;

/** How a server is reached and with which key. */
export type Profile = { [field in (typeof profileFields)[number]]?: string };

export interface ProfileFile {
  current?: string;
  profiles: Record<string, Profile>;
}

/** What a command needs to ask a server. */
export interface Connection {
  /** Of the control listener. */
  readonly endpoint: string;
  /** Of the data listener. */
  readonly dataEndpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string;
  /** PEM file of a certificate authority to trust. */
  readonly caFile?: string;
}

export interface ConnectionOptions {
  readonly endpoint?: string;
  readonly dataEndpoint?: string;
  readonly region?: string;
  readonly profile?: string;
  readonly caFile?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const defaults = { endpoint: 'http://127.0.0.1:9001', dataEndpoint: 'http://127.0.0.1:9000', region: 'cn-qingdao' };

/** `$SLUICE_CONFIG`, else `$XDG_CONFIG_HOME/sluice/config.yaml`, else `~/.config/sluice/config.yaml`. */
export function profilePath(environment: Environment = process.env): string {
  if (environment.SLUICE_CONFIG) return environment.SLUICE_CONFIG;
  return join(environment.XDG_CONFIG_HOME || join(homedir(), '.config'), 'sluice', 'config.yaml');
}

/** The file of profiles; an empty one when there is none. @throws CliFailure when others may read it, or it cannot be understood */
export async function readProfiles(environment: Environment = process.env): Promise<ProfileFile> {
  const path = profilePath(environment);
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  if (mode === undefined) return { profiles: {} };
  if ((mode & 0o077) !== 0) {
    throw new CliFailure(2, `${path} holds secrets, and others may read it.`, { next: `chmod 600 ${path}` });
  }
  const given = (await parsed(path)) ?? {};
  const faults = faultsOf(given);
  if (faults.length > 0) throw new CliFailure(2, `${path} is not understood. ${faults.join('; ')}`);
  const { current, profiles } = given as Partial<ProfileFile>;
  return { ...(current === undefined ? {} : { current }), profiles: profiles ?? {} };
}

async function parsed(path: string): Promise<unknown> {
  try {
    // Loaded by those who have the file.
    const { parse } = await import('yaml');
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new CliFailure(2, `${path} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** What is wrong with the content of the file; the words of a secret are never in it. */
function faultsOf(file: unknown): string[] {
  if (!isMapping(file)) return ['it must be a mapping of current and profiles'];
  const { current, profiles = {}, ...unknown } = file;
  const faults = Object.keys(unknown).map((name) => `${name}: there is no such field`);
  if (current !== undefined && typeof current !== 'string') faults.push('current: must be the name of a profile');
  if (!isMapping(profiles)) return [...faults, 'profiles: must be a mapping of names'];
  for (const [name, profile] of Object.entries(profiles)) {
    if (!isMapping(profile)) faults.push(`profiles.${name}: must be a mapping`);
    else
      for (const [field, value] of Object.entries(profile)) {
        if (!profileFields.some((known) => known === field)) faults.push(`profiles.${name}.${field}: there is no such field`);
        else if (typeof value !== 'string') faults.push(`profiles.${name}.${field}: must be a text`);
      }
  }
  return faults;
}

/** Writes the file of profiles whole, readable by its owner alone. */
export async function writeProfiles(file: ProfileFile, environment: Environment = process.env): Promise<void> {
  const { stringify } = await import('yaml');
  const path = profilePath(environment);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fresh = `${path}.new`;
  const fd = openSync(fresh, 'w', 0o600);
  writeFileSync(fd, stringify(file));
  fsyncSync(fd);
  closeSync(fd);
  // The mode given to open counts only for a file that was not there.
  chmodSync(fresh, 0o600);
  renameSync(fresh, path);
}

/** A value of the environment; an empty one counts as none. */
export function fromEnvironment(name: string, environment: Environment = process.env): string | undefined {
  return environment[name] || undefined;
}

/**
 * How to reach the server: flags, then the environment (SLUICE_ENDPOINT, SLUICE_DATA_ENDPOINT, SLUICE_REGION, SLUICE_ACCESS_KEY_ID,
 * SLUICE_ACCESS_KEY_SECRET, SLUICE_SECURITY_TOKEN, SLUICE_CA_FILE), then the profile (--profile, SLUICE_PROFILE, the current one). A key comes whole from one place.
 * @throws CliFailure when there is no key, or the profile is not there
 */
export async function connectionOf(options: ConnectionOptions, environment: Environment = process.env): Promise<Connection> {
  const given = (name: string) => fromEnvironment(name, environment);
  const profile = await profileOf(options.profile ?? given('SLUICE_PROFILE'), environment);
  const key = given('SLUICE_ACCESS_KEY_ID')
    ? {
        accessKeyId: given('SLUICE_ACCESS_KEY_ID'),
        accessKeySecret: given('SLUICE_ACCESS_KEY_SECRET'),
        securityToken: given('SLUICE_SECURITY_TOKEN'),
      }
    : profile;
  const { accessKeyId, accessKeySecret, securityToken } = key;
  if (!accessKeyId || !accessKeySecret) {
    throw new CliFailure(2, 'There is no access key to sign with.', {
      next: 'Set SLUICE_ACCESS_KEY_ID and SLUICE_ACCESS_KEY_SECRET, or keep them in a profile: sluice profile set local --access-key-id <id>',
    });
  }
  const caFile = options.caFile ?? given('SLUICE_CA_FILE') ?? profile.caFile;
  return {
    endpoint: options.endpoint ?? given('SLUICE_ENDPOINT') ?? profile.endpoint ?? defaults.endpoint,
    dataEndpoint: options.dataEndpoint ?? given('SLUICE_DATA_ENDPOINT') ?? profile.dataEndpoint ?? defaults.dataEndpoint,
    region: options.region ?? given('SLUICE_REGION') ?? profile.region ?? defaults.region,
    ...{ accessKeyId, accessKeySecret },
    ...(securityToken ? { securityToken } : {}),
    ...(caFile ? { caFile } : {}),
  };
}

async function profileOf(name: string | undefined, environment: Environment): Promise<Profile> {
  const file = await readProfiles(environment);
  const wanted = name ?? file.current;
  if (wanted === undefined) return {};
  const profile = Object.hasOwn(file.profiles, wanted) ? file.profiles[wanted] : undefined;
  if (profile) return profile;
  throw new CliFailure(2, `There is no profile ${wanted} in ${profilePath(environment)}.`, { next: 'sluice profile list' });
}
