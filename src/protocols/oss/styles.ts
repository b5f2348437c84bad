import type { ImageStyle, Store } from '../../buckets/index.ts';
import { Fault } from '../../faults/index.ts';
import { childText, httpDate, writeXml, type XmlValue } from '../../kit/index.ts';
import type { Call } from './call.ts';
import { invalid } from './headers.ts';
import { readImageProcess } from './process-plan.ts';
import { requireXml } from './request-body.ts';
import { sendEmpty, sendXml } from './respond.ts';
import { styleParameter } from './subresources.ts';

/** Most styles of a bucket, and the form of their names (Alibaba OSS user guide, "Image styles"). */
const mostStyles = 50;
const nameForm = /^[A-Za-z0-9._-]{1,63}$/;
const imageCategory = 'image';

/** Changes of one store's styles, one after the other: each reads what the one before has left. */
const turns = new WeakMap<Store, Promise<unknown>>();

function inTurn<T>(store: Store, change: () => Promise<T>): Promise<T> {
  const turn = (turns.get(store) ?? Promise.resolve()).then(change);
  turns.set(
    store,
    turn.catch(() => {}),
  );
  return turn;
}

function readName(call: Call): string {
  const name = call.param(styleParameter);
  if (!name)
    throw new Fault('MissingArgument', `The parameter ${styleParameter} is required.`, { extra: { ArgumentName: styleParameter } });
  if (!nameForm.test(name)) {
    throw invalid(styleParameter, name.slice(0, 100), 'The name of a style has 1 to 63 letters, digits, dots, underscores and hyphens.');
  }
  return name;
}

function noSuchStyle(name: string): Fault {
  return new Fault('NoSuchStyle', undefined, { extra: { StyleName: name } });
}

/** The style of that name, of the bucket behind a call. @throws Fault NoSuchStyle */
export function requireStyle(call: Call, name: string): ImageStyle {
  const { styles = {} } = call.bucket.settings;
  const style = Object.hasOwn(styles, name) ? styles[name] : undefined;
  if (!style) throw noSuchStyle(name);
  return style;
}

/** Sets the styles of a bucket to what `change` makes of them. */
function changeStyles(call: Call, change: (styles: Record<string, ImageStyle>) => void): Promise<void> {
  const { name } = call.bucket;
  const { store } = call.rooms;
  return inTurn(store, async () => {
    const styles = { ...store.bucket(name)?.settings.styles };
    change(styles);
    await store.setBucketSetting(name, 'styles', Object.keys(styles).length > 0 ? styles : undefined);
  });
}

/** PutStyle: a name for operations on pictures; the same name again replaces it. @throws Fault as readImageProcess */
export async function putStyle(call: Call): Promise<void> {
  const name = readName(call);
  const category = call.param('category') || imageCategory;
  if (category !== imageCategory) throw invalid('category', category, 'Only styles of the category image are carried out.');
  const content = childText(await requireXml(call, ['Style']), 'Content')?.trim() ?? '';
  if (!content.startsWith('image/')) throw invalid('Content', content.slice(0, 100), 'The content of a style begins with image/.');
  readImageProcess(content);
  const at = call.ctx.startedAt;
  await changeStyles(call, (styles) => {
    const before = Object.hasOwn(styles, name) ? styles[name] : undefined;
    if (!before && Object.keys(styles).length >= mostStyles)
      throw invalid(styleParameter, name, `A bucket has at most ${mostStyles} styles.`);
    styles[name] = { content, createdAt: before?.createdAt ?? at, modifiedAt: at };
  });
  sendEmpty(call.ctx);
}

function shown(name: string, { content, createdAt, modifiedAt }: ImageStyle): Record<string, XmlValue> {
  const times = { CreateTime: httpDate(createdAt), LastModifyTime: httpDate(modifiedAt) };
  return { Name: name, Content: content, Category: imageCategory, ...times };
}

/** GetStyle. */
export function getStyle(call: Call): void {
  const name = readName(call);
  sendXml(call.ctx, writeXml('Style', shown(name, requireStyle(call, name))));
}

/** ListStyle: all of the bucket, by name. */
export function listStyle(call: Call): void {
  const styles = Object.entries(call.bucket.settings.styles ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  sendXml(call.ctx, writeXml('StyleList', { Style: styles.map(([name, style]) => shown(name, style)) }));
}

/** DeleteStyle: 204 whether or not it was there. */
export async function deleteStyle(call: Call): Promise<void> {
  const name = readName(call);
  await changeStyles(call, (styles) => {
    delete styles[name];
  });
  sendEmpty(call.ctx, 204);
}
