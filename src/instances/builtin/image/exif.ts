/** Fields of EXIF 2.31 and TIFF 6.0 that are told, by tag, under the names of the standards. */
const mainTags: Readonly<Record<number, string>> = {
  256: 'ImageWidth',
  257: 'ImageLength',
  258: 'BitsPerSample',
  259: 'Compression',
  262: 'PhotometricInterpretation',
  270: 'ImageDescription',
  271: 'Make',
  272: 'Model',
  274: 'Orientation',
  277: 'SamplesPerPixel',
  282: 'XResolution',
  283: 'YResolution',
  296: 'ResolutionUnit',
  305: 'Software',
  306: 'DateTime',
  315: 'Artist',
  531: 'YCbCrPositioning',
  33432: 'Copyright',
  34665: 'ExifTag',
  34853: 'GPSTag',
};
const exifTags: Readonly<Record<number, string>> = {
  33434: 'ExposureTime',
  33437: 'FNumber',
  34850: 'ExposureProgram',
  34855: 'ISOSpeedRatings',
  36864: 'ExifVersion',
  36867: 'DateTimeOriginal',
  36868: 'DateTimeDigitized',
  37121: 'ComponentsConfiguration',
  37377: 'ShutterSpeedValue',
  37378: 'ApertureValue',
  37379: 'BrightnessValue',
  37380: 'ExposureBiasValue',
  37381: 'MaxApertureValue',
  37382: 'SubjectDistance',
  37383: 'MeteringMode',
  37384: 'LightSource',
  37385: 'Flash',
  37386: 'FocalLength',
  40960: 'FlashPixVersion',
  40961: 'ColorSpace',
  40962: 'PixelXDimension',
  40963: 'PixelYDimension',
  41486: 'FocalPlaneXResolution',
  41487: 'FocalPlaneYResolution',
  41488: 'FocalPlaneResolutionUnit',
  41495: 'SensingMethod',
  41728: 'FileSource',
  41729: 'SceneType',
  41985: 'CustomRendered',
  41986: 'ExposureMode',
  41987: 'WhiteBalance',
  41988: 'DigitalZoomRatio',
  41989: 'FocalLengthIn35mmFilm',
  41990: 'SceneCaptureType',
  42036: 'LensModel',
};
const gpsTags: Readonly<Record<number, string>> = {
  0: 'GPSVersionID',
  1: 'GPSLatitudeRef',
  2: 'GPSLatitude',
  3: 'GPSLongitudeRef',
  4: 'GPSLongitude',
  5: 'GPSAltitudeRef',
  6: 'GPSAltitude',
  7: 'GPSTimeStamp',
  16: 'GPSImgDirectionRef',
  17: 'GPSImgDirection',
  18: 'GPSMapDatum',
  29: 'GPSDateStamp',
};
const exifPointer = 34665;
const gpsPointer = 34853;
/** Bytes of a value, by its type. */
const sizes: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8 };
const mostEntries = 200;
const longestValue = 1024;

/** The fields of an EXIF block as texts; what is broken in it is left out. @param block as it is in the file, with or without its `Exif` head */
export function exifFields(block: Buffer): Record<string, string> {
  const tiff = block.toString('latin1', 0, 4) === 'Exif' ? block.subarray(6) : block;
  const fields: Record<string, string> = {};
  if (tiff.length < 8) return fields;
  const reader = new Reader(tiff, tiff.toString('latin1', 0, 2) === 'II');
  try {
    const pointers = reader.directory(reader.long(4), mainTags, fields);
    if (pointers.exif !== undefined) reader.directory(pointers.exif, exifTags, fields);
    if (pointers.gps !== undefined) reader.directory(pointers.gps, gpsTags, fields);
  } catch (error) {
    // The block ends too early: what was read until then counts.
    if (!(error instanceof RangeError)) throw error;
  }
  return fields;
}

class Reader {
  readonly #bytes: Buffer;
  readonly #little: boolean;

  constructor(bytes: Buffer, little: boolean) {
    this.#bytes = bytes;
    this.#little = little;
  }

  short(at: number): number {
    return this.#little ? this.#bytes.readUInt16LE(at) : this.#bytes.readUInt16BE(at);
  }

  long(at: number): number {
    return this.#little ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt32BE(at);
  }

  directory(at: number, names: Readonly<Record<number, string>>, fields: Record<string, string>): { exif?: number; gps?: number } {
    const pointers: { exif?: number; gps?: number } = {};
    const count = Math.min(this.short(at), mostEntries);
    for (let i = 0; i < count; i++) {
      const entry = at + 2 + i * 12;
      const tag = this.short(entry);
      if (names === mainTags && tag === exifPointer) pointers.exif = this.long(entry + 8);
      if (names === mainTags && tag === gpsPointer) pointers.gps = this.long(entry + 8);
      const name = names[tag];
      const value = name === undefined ? undefined : this.#value(entry);
      if (name !== undefined && value !== undefined) fields[name] = value;
    }
    return pointers;
  }

  #value(entry: number): string | undefined {
    const type = this.short(entry + 2);
    const count = this.long(entry + 4);
    const size = sizes[type];
    if (size === undefined || count * size > longestValue) return undefined;
    const at = count * size <= 4 ? entry + 8 : this.long(entry + 8);
    if (at + count * size > this.#bytes.length) return undefined;
    // A text, or bytes of no type that mostly are one.
    if (type === 2 || type === 7) return this.#text(at, count, type);
    return Array.from({ length: count }, (_, i) => this.#number(type, at + i * size)).join(' ');
  }

  #text(at: number, count: number, type: number): string {
    const text = this.#bytes.toString('latin1', at, at + count).replace(/\0+$/, '');
    if (type === 2 || /^[ -~]*$/.test(text)) return text.trim();
    return [...this.#bytes.subarray(at, at + count)].join(' ');
  }

  #number(type: number, at: number): string {
    const signed = (from: number) => this.long(from) | 0;
    if (type === 1) return String(this.#bytes[at]);
    if (type === 3) return String(this.short(at));
    if (type === 4) return String(this.long(at));
    if (type === 9) return String(signed(at));
    return type === 5 ? `${this.long(at)}/${this.long(at + 4)}` : `${signed(at)}/${signed(at + 4)}`;
  }
}
