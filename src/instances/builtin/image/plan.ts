/** What is made of one picture. Whoever makes a plan has checked it: the ranges are those of Alibaba OSS ("Image processing"). */
export interface Plan {
  /** What is wanted: the processed picture, or a JSON document on the one that is there. */
  readonly wanted: 'picture' | 'info' | 'average-hue';
  /** Bytes of the source. */
  readonly bytes: number;
  /** Turn the picture as its EXIF orientation says, before everything else. */
  readonly orient: boolean;
  readonly steps: readonly Step[];
  readonly output: Output;
}

export type Format = 'jpg' | 'png' | 'webp' | 'gif' | 'bmp' | 'tiff' | 'avif';

export interface Output {
  /** That of the source when left out. */
  readonly format?: Format | undefined;
  /** Percent of the source's quality. */
  readonly relative?: number | undefined;
  /** At most this quality. */
  readonly absolute?: number | undefined;
  /** A JPEG that shows itself bit by bit. */
  readonly progressive: boolean;
}

export type Gravity = 'nw' | 'north' | 'ne' | 'west' | 'center' | 'east' | 'sw' | 'south' | 'se';

export interface Resize {
  readonly kind: 'resize';
  readonly mode: 'lfit' | 'mfit' | 'fill' | 'pad' | 'fixed';
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly long?: number | undefined;
  readonly short?: number | undefined;
  readonly percent?: number | undefined;
  /** Percent of the width of the picture that a watermark is put on. */
  readonly percentOfMain?: number | undefined;
  /** A result may be larger than the source. */
  readonly enlarge: boolean;
  /** RRGGBB. */
  readonly color: string;
}

export interface Crop {
  readonly kind: 'crop';
  /** To the edge when left out. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly x: number;
  readonly y: number;
  readonly gravity: Gravity;
  /** The size of the result, in percent of what was cut out. */
  readonly percent?: number | undefined;
}

export interface Watermark {
  readonly kind: 'watermark';
  readonly text?: TextMark | undefined;
  readonly image?: ImageMark | undefined;
  /** Percent; 100 hides what is below. */
  readonly opacity: number;
  readonly gravity: Gravity;
  readonly x: number;
  readonly y: number;
  /** Downwards, for marks in the middle row. */
  readonly offset: number;
  /** Repeat it over the whole picture. */
  readonly tile: boolean;
  readonly padX: number;
  readonly padY: number;
  /** Of a mark with both parts: which comes first, how they are aligned, pixels between them. */
  readonly first: 'image' | 'text';
  readonly align: 'top' | 'middle' | 'bottom';
  readonly interval: number;
}

export interface TextMark {
  readonly text: string;
  /** Families by name, the preferred one first. */
  readonly fonts: string;
  /** RRGGBB. */
  readonly color: string;
  /** Pixels. */
  readonly size: number;
  /** Percent. */
  readonly shadow: number;
  /** Degrees, clockwise. */
  readonly rotate: number;
}

export interface ImageMark {
  /** Number of the input that holds it. */
  readonly input: number;
  readonly steps: readonly Step[];
}

export type Step =
  | Resize
  | Crop
  | Watermark
  | { readonly kind: 'rotate'; readonly degrees: number }
  | { readonly kind: 'circle' | 'rounded-corners'; readonly radius: number }
  | { readonly kind: 'indexcrop'; readonly axis: 'x' | 'y'; readonly size: number; readonly index: number }
  | { readonly kind: 'blur'; readonly radius: number; readonly sigma: number }
  | { readonly kind: 'sharpen' | 'bright' | 'contrast'; readonly amount: number };

/** Largest source (Alibaba OSS, "Image processing", limits): bytes, pixels of a side, pixels of all frames together. */
export const sourceBytes = 20 * 1024 * 1024;
export const sourceSide = 30_000;
export const sourcePixels = 250_000_000;
/** Largest result: pixels of a side, pixels in all. */
export const resultSide = 16_384;
export const resultPixels = 16_777_216;
/** Pixels of all frames that are held decoded; this server's own limit. */
export const heldPixels = 67_108_864;
