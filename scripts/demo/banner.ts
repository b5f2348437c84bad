import type { Access, Client } from './client.ts';
import { bucket, picture } from './setup.ts';

const day = 86_400;

export interface Demo {
  client: Client;
  /** Aliases by function name; empty when the functions could not be set up. */
  aliases: Record<string, string>;
  /** Whether the server made the key itself; else the user knows the secret. */
  ownKey: boolean;
  logFile: string;
  dataFolder: string;
}

/** What the demo says when it is ready: where things are, URLs to click, SDK lines to paste. */
export function banner(demo: Demo): string {
  const { client, aliases, ownKey, logFile, dataFolder } = demo;
  const { access } = client;
  const secret = ownKey ? access.accessKeySecret : '<the one that you set>';
  const lines = [
    '',
    'Sluice is ready.',
    '',
    `  OSS endpoint      ${access.data}   region ${access.region}`,
    `  control endpoint  ${access.control}`,
    `  data folder       ${dataFolder}`,
    `  log               ${logFile}`,
    '',
    'Click (signed, valid for a day):',
    '',
    `  the original      ${client.presign(bucket, picture, day)}`,
    ...Object.entries(aliases).map(([name, alias]) => {
      const query: Record<string, string> = name === 'thumbnail' ? { w: '320' } : {};
      return `  ${name.padEnd(16)}  ${client.presign(alias, picture, day, query)}`;
    }),
    '',
  ];
  const alias = aliases.thumbnail;
  if (alias !== undefined) lines.push(...sdkLines(access, alias, secret));
  lines.push('Ctrl C stops it.', '');
  return lines.join('\n');
}

function sdkLines(access: Access, alias: string, secret: string): string[] {
  const { port } = new URL(access.data);
  const { data, region } = access;
  return [
    'Fetch the thumbnail with an SDK:',
    '',
    `  export OSS_ACCESS_KEY_ID=${access.accessKeyId} OSS_ACCESS_KEY_SECRET=${secret}`,
    '',
    '  # Python, oss2',
    '  import os, oss2',
    "  auth = oss2.AuthV4(os.environ['OSS_ACCESS_KEY_ID'], os.environ['OSS_ACCESS_KEY_SECRET'])",
    `  bucket = oss2.Bucket(auth, '${data}', '${alias}', region='${region}')`,
    `  bucket.get_object_to_file('${picture}', 'thumbnail.jpg', params={'w': '320'})`,
    '',
    '  // Node.js, ali-oss',
    "  import OSS from 'ali-oss';",
    '  const { OSS_ACCESS_KEY_ID: accessKeyId, OSS_ACCESS_KEY_SECRET: accessKeySecret } = process.env;',
    `  const where = { endpoint: 'http://localhost:${port}', sldEnable: true, region: 'oss-${region}', authorizationV4: true };`,
    `  const client = new OSS({ ...where, bucket: '${alias}', accessKeyId, accessKeySecret });`,
    `  await client.get('${picture}', 'thumbnail.jpg', { subres: { w: '320' } });`,
    '',
    '  // Go, github.com/aliyun/aliyun-oss-go-sdk/oss',
    `  client, _ := oss.New("${data}", os.Getenv("OSS_ACCESS_KEY_ID"), os.Getenv("OSS_ACCESS_KEY_SECRET"))`,
    `  bucket, _ := client.Bucket("${alias}")`,
    `  err := bucket.GetObjectToFile("${picture}", "thumbnail.jpg", oss.AddParam("w", "320"))`,
    '',
  ];
}
