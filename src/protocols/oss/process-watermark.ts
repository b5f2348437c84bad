import { Fault } from '../../faults/index.ts';
import type { ImageMark, ImageStep, Watermark } from '../../instances/index.ts';
import type { Parameters } from './process-parameters.ts';

/** The nine places of a picture. */
export const gravities = ['nw', 'north', 'ne', 'west', 'center', 'east', 'sw', 'south', 'se'] as const;

const longestText = 64;
/** Names of fonts (Alibaba OSS user guide, "Add watermarks"), and families that stand in for them where they are not installed. */
const fonts: Readonly<Record<string, string>> = {
  'wqy-zenhei': 'WenQuanYi Zen Hei, Noto Sans CJK SC, sans-serif',
  'wqy-microhei': 'WenQuanYi Micro Hei, Noto Sans CJK SC, sans-serif',
  fangzhengshusong: 'FZShuSong-Z01, Noto Serif CJK SC, serif',
  fangzhengkaiti: 'FZKai-Z03, AR PL UKai CN, Noto Serif CJK SC, serif',
  fangzhengheiti: 'FZHei-B01, Noto Sans CJK SC, sans-serif',
  fangzhengfangsong: 'FZFangSong-Z02, Noto Serif CJK SC, serif',
  droidsansfallback: 'Droid Sans Fallback, Noto Sans CJK SC, sans-serif',
};
const processing = '?x-oss-process=';

/**
 * Reads a watermark: a text, a picture, or both in a row.
 * @param marks keys of the pictures; that of this watermark is added
 * @param stepsOf reads what is done to its picture first @throws Fault InvalidArgument, MissingArgument, BadRequest, WatermarkError
 */
export function readWatermark(params: Parameters, marks: string[], stepsOf: (process: string) => ImageStep[]): Watermark {
  const text = readText(params);
  const image = readImage(params, marks, stepsOf);
  params.require(text ?? image, 'text or image');
  return {
    ...{ kind: 'watermark', text, image, opacity: params.number('t', 0, 100) ?? 100, gravity: params.choice('g', gravities) ?? 'se' },
    ...{ x: params.number('x', 0, 4096) ?? 10, y: params.number('y', 0, 4096) ?? 10, offset: params.number('voffset', -1000, 1000) ?? 0 },
    ...{ tile: params.flag('fill') ?? false, padX: params.number('padx', 0, 4096) ?? 0, padY: params.number('pady', 0, 4096) ?? 0 },
    first: params.choice('order', ['0', '1']) === '1' ? 'text' : 'image',
    align: ({ 0: 'top', 1: 'middle', 2: 'bottom' } as const)[params.choice('align', ['0', '1', '2']) ?? '2'],
    interval: params.number('interval', 0, 1000) ?? 0,
  };
}

function readText(params: Parameters): Watermark['text'] {
  const text = params.text('text');
  const font = params.text('type') ?? 'wqy-zenhei';
  const about = { color: params.color('color') ?? '000000', size: params.number('size', 1, 1000) ?? 40 };
  const more = { shadow: params.number('shadow', 0, 100) ?? 0, rotate: params.number('rotate', 0, 360) ?? 0 };
  if (text === undefined) return undefined;
  if ([...text].length > longestText) throw params.refused('text', text, `may have at most ${longestText} characters`);
  const families = Object.hasOwn(fonts, font) ? fonts[font] : undefined;
  if (families === undefined) throw params.refused('type', font, `must be one of ${Object.keys(fonts).join(', ')}`);
  return { text, fonts: families, ...about, ...more };
}

/** The key may be followed by what is done to the picture first: `logo.png?x-oss-process=image/resize,P_30`. */
function readImage(params: Parameters, marks: string[], stepsOf: (process: string) => ImageStep[]): ImageMark | undefined {
  const named = params.text('image');
  const percentOfMain = params.number('P', 1, 100);
  if (named === undefined) return undefined;
  const at = named.indexOf(processing);
  const key = at < 0 ? named : named.slice(0, at);
  if (key === '') throw new Fault('WatermarkError', 'The picture of the watermark has no key.');
  const steps = at < 0 ? [] : stepsOf(named.slice(at + processing.length));
  if (percentOfMain !== undefined) steps.push({ kind: 'resize', mode: 'lfit', percentOfMain, enlarge: true, color: 'FFFFFF' });
  marks.push(key);
  return { input: marks.length, steps };
}
