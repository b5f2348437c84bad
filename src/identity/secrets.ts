import { randomBuffer } from '../kit/index.ts';

const base62Digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** `length` random characters of [0-9A-Za-z], each equally likely. */
export function randomBase62(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBuffer(length + 8)) {
      // 248 is the largest multiple of 62 in a byte; what lies above would favour the first digits.
      if (byte < 248 && text.length < length) text += base62Digits[byte % 62];
    }
  }
  return text;
}
