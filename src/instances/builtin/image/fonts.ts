import { readdirSync } from 'node:fs';
import { Refusal } from './refusal.ts';

/** Where fonts lie on Linux and macOS. */
const folders = ['/usr/share/fonts', '/usr/local/share/fonts', '/usr/share/X11/fonts', '/System/Library/Fonts', '/Library/Fonts'];
const fontFile = /\.(?:ttf|otf|ttc|otc|pfb|woff2?)$/i;
let found: boolean | undefined;

function hasFonts(): boolean {
  return folders.some((folder) => {
    try {
      return readdirSync(folder, { recursive: true }).some((name) => fontFile.test(String(name)));
    } catch {
      return false;
    }
  });
}

/** Without any font, each letter would be drawn as a box. @throws Refusal NotImplemented */
export function requireFonts(): void {
  found ??= hasFonts();
  if (!found)
    throw new Refusal(
      'NotImplemented',
      'Text cannot be drawn: no font is installed on the server. Install one, such as the package fonts-dejavu-core.',
    );
}
