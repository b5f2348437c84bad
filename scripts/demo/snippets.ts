import type { Link } from './banner.ts';
import type { Access } from './client.ts';
import type { PythonTools } from './python.ts';

/** Where the lines put what they fetch. */
function target({ fn: { object } }: Link): string {
  return `/tmp/sluice-${object}`;
}

export function curlLines(link: Link, url: string): string[] {
  return ['Or paste, in this folder:', '', '# curl', `curl -o ${target(link)} '${url}'`, ''];
}

/** The key of the account for the SDKs, and for the command line of Sluice with the addresses of this server. */
export function keyLines({ data, control, accessKeyId }: Access, secret: string): string[] {
  return [
    '# The key of the account, for what follows',
    `export OSS_ACCESS_KEY_ID=${accessKeyId} OSS_ACCESS_KEY_SECRET=${secret}`,
    'export SLUICE_ACCESS_KEY_ID=$OSS_ACCESS_KEY_ID SLUICE_ACCESS_KEY_SECRET=$OSS_ACCESS_KEY_SECRET',
    `export SLUICE_ENDPOINT=${control} SLUICE_DATA_ENDPOINT=${data}`,
    '',
  ];
}

/** The same with Sluice's own command line. */
export function cliLines(link: Link): string[] {
  const { object, query } = link.fn;
  const options = Object.entries(query ?? {}).map(([name, value]) => ` --query ${name}=${value}`);
  return ['# The command line of Sluice', `bin/sluice object get ${link.alias}/${object} ${target(link)}${options.join('')}`, ''];
}

/** Lines for a shell that fetch what the function makes of an object, with one SDK each. They end at the left edge, as Python wants it. */
export function sdkLines(access: Access, link: Link, python: PythonTools | undefined, node: string): string[] {
  return [...(python === undefined ? [] : pythonLines(access, link, python)), ...nodeLines(access, link, node), ...goLines(access, link)];
}

function pythonLines({ data, region }: Access, link: Link, { interpreter, oss2 }: PythonTools): string[] {
  const { object, query } = link.fn;
  const params = query === undefined ? '' : `, params=${JSON.stringify(query).replaceAll('"', "'")}`;
  return [
    '# Python, oss2 (here the copy that the demo installed)',
    // Without -S, packages of the system could mix with what oss2 brought along.
    `PYTHONPATH='${oss2.newest}' ${interpreter} -S - <<'END'`,
    'import os, oss2',
    "auth = oss2.AuthV4(os.environ['OSS_ACCESS_KEY_ID'], os.environ['OSS_ACCESS_KEY_SECRET'])",
    `bucket = oss2.Bucket(auth, '${data}', '${link.alias}', region='${region}')`,
    `print(bucket.get_object_to_file('${object}', '${target(link)}'${params}).headers)`,
    'END',
    '',
  ];
}

function nodeLines({ data, region }: Access, link: Link, node: string): string[] {
  const { object, query } = link.fn;
  const options = query === undefined ? '' : `, { subres: ${JSON.stringify(query)} }`;
  return [
    '# Node.js, ali-oss',
    `${node} --input-type=module - <<'END'`,
    "import OSS from 'ali-oss';",
    'const { OSS_ACCESS_KEY_ID: accessKeyId, OSS_ACCESS_KEY_SECRET: accessKeySecret } = process.env;',
    `const where = { endpoint: 'http://localhost:${new URL(data).port}', sldEnable: true, region: 'oss-${region}', authorizationV4: true };`,
    `const client = new OSS({ ...where, bucket: '${link.alias}', accessKeyId, accessKeySecret });`,
    `const { res } = await client.get('${object}', '${target(link)}'${options});`,
    'console.log(res.headers);',
    'END',
    '',
  ];
}

function goLines({ data }: Access, link: Link): string[] {
  const { object, query } = link.fn;
  const options = Object.entries(query ?? {}).map(([name, value]) => `, oss.AddParam("${name}", "${value}")`);
  return [
    '// Go: main.go, after go mod init demo; go get github.com/aliyun/aliyun-oss-go-sdk/oss',
    'package main',
    '',
    'import ("log"; "os"; "github.com/aliyun/aliyun-oss-go-sdk/oss")',
    '',
    'func main() {',
    `\tclient, _ := oss.New("${data}", os.Getenv("OSS_ACCESS_KEY_ID"), os.Getenv("OSS_ACCESS_KEY_SECRET"))`,
    `\tbucket, _ := client.Bucket("${link.alias}")`,
    `\tif err := bucket.GetObjectToFile("${object}", "${target(link)}"${options.join('')}); err != nil {`,
    '\t\tlog.Fatal(err)',
    '\t}',
    '}',
    '',
  ];
}
