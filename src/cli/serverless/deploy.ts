import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Asking, part } from '../action.ts';
import { CliFailure } from '../failure.ts';
import { checksumOf, codeOf, deploy, packageOf, roleArn, runCommand } from '../function-deploy.ts';
import type { Hook, Planned } from './plan.ts';
import type { Path, Source } from './source.ts';

/** What became of one resource. */
export interface Applied {
  readonly resource: string;
  /** `service/function` in the layout of 2.0. */
  readonly function: string;
  readonly created: boolean;
  /** False when the server had these very bytes, or there are none. */
  readonly codeSent: boolean;
  /** Triggers and configurations that were kept. */
  readonly kept: readonly string[];
}

interface Outcome {
  readonly created: boolean;
  readonly codeSent: boolean;
  /** The path of the function in its API. */
  readonly at: string;
  readonly arn?: string;
}

/** Makes or updates one resource of s.yaml with all that belongs to it. @throws CliFailure that names file, line and field where the server refuses */
export async function applyPlan(asking: Asking, source: Source, plan: Planned, options: { actions: boolean }): Promise<Applied> {
  const hooks = (each: readonly Hook[]) => (options.actions ? runHooks(each, source) : Promise.resolve());
  await hooks(plan.before);
  const older = plan.service !== undefined;
  const outcome = older ? await applyService(asking, source, plan) : await applyFunction(asking, source, plan);
  const send = (method: string, path: string, body: unknown, query = {}) =>
    older ? asking.client.fc2(method, path, { body, query }) : asking.client.fc(method, path, { body, query });
  const kept: string[] = [];
  for (const { name, body, what, path } of plan.triggers) {
    await located(source, path, () => madeOrChanged(send, `${outcome.at}/triggers`, name, 'TriggerAlreadyExists', body));
    kept.push(what);
  }
  for (const { at, body, qualifier, what, path } of plan.configurations) {
    await located(source, path, () => send('PUT', `${outcome.at}/${at}`, body, qualifier === undefined ? {} : { qualifier }));
    kept.push(what);
  }
  if (plan.tags.length > 0 && outcome.arn !== undefined) {
    const body = { ResourceId: [outcome.arn], ResourceType: 'function', Tag: plan.tags };
    await located(source, [...plan.path, 'tags'], () => asking.client.fc('POST', '/tags-v2', { body }));
    kept.push('tags');
  }
  await hooks(plan.after);
  const name = plan.service === undefined ? plan.functionName : `${plan.service.name}/${plan.functionName}`;
  return { resource: plan.id, function: name, created: outcome.created, codeSent: outcome.codeSent, kept };
}

async function runHooks(hooks: readonly Hook[], source: Source): Promise<void> {
  for (const { command, folder } of hooks) await runCommand(command, folder, `It is in ${source.path}; --no-actions leaves it out.`);
}

async function applyFunction(asking: Asking, source: Source, plan: Planned): Promise<Outcome> {
  const { functionName: name, code, settings } = plan;
  const role = await roleOf(asking, source, plan, [...plan.path, 'role']);
  const file = await fileOf(source, plan, 'code');
  const deployed = await located(source, plan.path, () =>
    deploy(asking, {
      ...{ name, folder: undefined, build: undefined, source: file },
      ...(code !== undefined && 'ossBucketName' in code ? { object: code } : {}),
      settings: { ...settings, ...(role === undefined ? {} : { role }) },
    }),
  );
  const { functionArn: arn } = deployed.function;
  return { created: deployed.created, codeSent: deployed.codeSent, at: `/functions/${part(name)}`, arn };
}

async function applyService(asking: Asking, source: Source, plan: Planned): Promise<Outcome> {
  const { client } = asking;
  const { name, settings } = plan.service ?? { name: '', settings: {} };
  const role = await roleOf(asking, source, plan, [...plan.path, 'service', 'role']);
  const service = { ...settings, ...(role === undefined ? {} : { role }) };
  const send = (method: string, path: string, body: unknown) => client.fc2(method, path, { body });
  await located(source, [...plan.path, 'service'], () =>
    madeOrChanged(send, '/services', name, 'ServiceAlreadyExists', { serviceName: name, ...service }),
  );
  const below = `/services/${part(name)}/functions`;
  const at = `${below}/${part(plan.functionName)}`;
  const file = await fileOf(source, plan, 'codeUri');
  const content = file === undefined ? undefined : await packageOf(file);
  const old = await client.fc2<{ codeChecksum?: string }>('GET', at).catch((error: unknown) => {
    if (error instanceof CliFailure && error.answer?.code === 'FunctionNotFound') return undefined;
    throw error;
  });
  const codeSent = content === undefined ? plan.code !== undefined : old?.codeChecksum !== checksumOf(content);
  const code = content === undefined ? plan.code : codeSent ? await codeOf(asking, content) : undefined;
  const body = { functionName: plan.functionName, ...plan.settings, ...(codeSent ? { code } : {}) };
  await located(source, [...plan.path, 'function'], () => client.fc2(old ? 'PUT' : 'POST', old ? at : below, { body, silenceMs: 0 }));
  return { created: old === undefined, codeSent, at };
}

/** POST, or PUT of what is there already. */
async function madeOrChanged(
  send: (method: string, path: string, body: unknown) => Promise<unknown>,
  path: string,
  name: string,
  exists: string,
  body: Record<string, unknown>,
): Promise<void> {
  try {
    await send('POST', path, body);
  } catch (error) {
    if (!(error instanceof CliFailure) || error.answer?.code !== exists) throw error;
    await send('PUT', `${path}/${part(name)}`, body);
  }
}

async function roleOf({ client }: Asking, source: Source, { role }: Planned, path: Path): Promise<string | undefined> {
  return role === undefined ? undefined : located(source, path, () => roleArn(role, client));
}

/** The folder or package beside the file. @throws CliFailure that names the line when it is not there */
async function fileOf(source: Source, { code, path, service }: Planned, field: string): Promise<string | undefined> {
  if (code === undefined || !('file' in code)) return undefined;
  const file = resolve(source.folder, code.file);
  await stat(file).catch((error: Error) => {
    const at = service === undefined ? [...path, field] : [...path, 'function', field];
    throw new CliFailure(2, source.told(at, `cannot be read: ${error.message}`));
  });
  return file;
}

/** What an error is about that does not begin with the name of a field. */
const fieldsOf: Readonly<Record<string, string>> = { LayerNotFound: 'layers', LayerVersionNotFound: 'layers', InvalidCodePackage: 'code' };

/** Adds file, line and field to what the server refuses: the field that its message begins with, or the one that was sent. */
async function located<T>(source: Source, path: Path, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CliFailure) || error.answer === undefined) throw error;
    const field = fieldsOf[error.answer.code] ?? /^\w+: ([A-Za-z][\w.]{0,100})\b/.exec(error.message)?.[1] ?? '';
    const inner = [...path, ...field.split('.')];
    const at = source.has(inner) ? inner : path;
    throw new CliFailure(error.exitCode, source.told(at, error.message), { next: error.next, answer: error.answer });
  }
}
