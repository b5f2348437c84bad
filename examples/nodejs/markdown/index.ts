import type { Transform } from '@sluice/function';

/** A page for each Markdown object: headings, paragraphs, lists, code, emphasis and links. */
export default {
  async fetch(request, context) {
    const original = await context.original();
    if (!original.ok) return original;
    const title = decodeURIComponent(new URL(request.url).pathname.split('/').at(-1) ?? '');
    const html = `<!doctype html>\n<meta charset="utf-8">\n<title>${escaped(title)}</title>\n${blocks(await original.text())}\n`;
    return new Response(html, { headers: { 'Content-Type': 'text/html; charset=utf-8' } });
  },
} satisfies Transform;

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** What stands inside a line. Only links to the web and to the same place become links. */
function inline(text: string): string {
  return text
    .split(/(`[^`]+`)/)
    .map((part, index) => (index % 2 === 1 ? `<code>${escaped(part.slice(1, -1))}</code>` : phrases(escaped(part))))
    .join('');
}

function phrases(text: string): string {
  return text
    .replace(/\[([^\]]+)\]\(((?:https?:\/\/|[./#])[^)\s]*)\)/g, '<a href="$2">$1</a>')
    .replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')
    .replace(/\*([^*]+)\*/g, '<em>$1</em>');
}

function blocks(markdown: string): string {
  const html: string[] = [];
  for (const [index, part] of markdown
    .replaceAll('\r\n', '\n')
    .split(/^```.*\n?/m)
    .entries()) {
    if (index % 2 === 1) html.push(`<pre>${escaped(part)}</pre>`);
    else
      html.push(
        ...part
          .split(/\n{2,}/)
          .filter((block) => block.trim() !== '')
          .map(block),
      );
  }
  return html.join('\n');
}

function block(text: string): string {
  const lines = text.trim().split('\n');
  const heading = /^(#{1,6}) +(.*)$/.exec(lines[0] ?? '');
  if (heading) {
    const [, marks = '', words = ''] = heading;
    const rest = lines.slice(1).join('\n');
    return `<h${marks.length}>${inline(words)}</h${marks.length}>${rest === '' ? '' : `\n${block(rest)}`}`;
  }
  if (lines.every((line) => /^[-*] /.test(line))) return `<ul>${lines.map((line) => `<li>${inline(line.slice(2))}</li>`).join('')}</ul>`;
  return `<p>${inline(lines.join('\n'))}</p>`;
}
