import type { Template } from './template.ts';

const source = `import type { Transform } from './function.d.ts';

/** Gives texts out in capital letters. */
export default {
  async fetch(request, context) {
    // "sluice function invoke" has no object: its event is the text.
    const original = request.method === 'POST' ? new Response(request.body) : await context.original();
    // 404 and other errors go to the client as the store tells them.
    if (!original.ok) return original;
    const { pathname, searchParams } = new URL(request.url);
    console.log(\`\${pathname} for \${context.event?.userIdentity?.arn ?? 'a test'}\`);
    const text = (await original.text()).toUpperCase();
    return new Response(text + (searchParams.get('suffix') ?? ''), { headers: { 'Content-Type': 'text/plain; charset=utf-8' } });
  },
} satisfies Transform;
`;

const manifest = (name: string) => `# How "sluice function deploy" and "sluice dev" deploy this folder.
name: ${name}
runtime: nodejs24
handler: index.fetch
timeout: 60
memorySize: 512
`;

/** TypeScript in the form of the web: nothing to install, nothing to compile. */
export const web: Template = {
  description: 'TypeScript, in the form of the web: fetch(request, context); needs nothing',
  files: (name) => ({
    'index.ts': source,
    'function.d.ts': { copy: new URL('../../../types/function.d.ts', import.meta.url) },
    'package.json': `${JSON.stringify({ name, private: true, type: 'module' }, undefined, 2)}\n`,
    'sluice.yaml': manifest(name),
  }),
};
