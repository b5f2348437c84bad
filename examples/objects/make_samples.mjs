/**
 * Makes the sample objects beside this file: people.csv, access.log.gz and welcome.md. Everybody and everything in them is invented: addresses are of
 * example.com and documentation networks, telephone numbers of ranges that are kept for fiction, card numbers of test ranges.
 *
 *   node examples/objects/make_samples.mjs
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** Numbers that are the same in every run (a linear congruential generator). */
let state = 20_260_131;
function below(limit) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
}
const one = (list) => list[below(list.length)];
const digits = (count) => Array.from({ length: count }, () => below(10)).join('');
const save = (name, data) => writeFileSync(join(import.meta.dirname, name), data);

/** A number of 16 digits of a test range, its last digit right (ISO/IEC 7812-1, annex B). */
function card() {
  const body = `40000000${digits(7)}`;
  const sum = [...body].reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 0 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return (body + ((10 - (sum % 10)) % 10)).replace(/(\d{4})(?=\d)/g, one(['$1 ', '$1-', '$1']));
}

const given = [
  'Ada',
  'Bruno',
  'Chen',
  'Dina',
  'Emeka',
  'Freya',
  'Goran',
  'Hana',
  'Iván',
  'Jonna',
  'Kwame',
  'Léa',
  'Mei',
  'Nour',
  'Oskar',
  'Priya',
];
const family = [
  'Abara',
  'Brandt',
  'Castillo',
  'Dubois',
  'Eriksen',
  'Fontana',
  'Grant',
  'Huang',
  'Ibrahim',
  'Jansen',
  'Köhler',
  'Li',
  'Moreau',
  'Novak',
];
const notes = ['', '', '', 'pays late', 'prefers mail', 'moved in May', '"likes tea, and biscuits"'];
const plain = (text) =>
  text
    .normalize('NFD')
    .replace(/\P{ASCII}/gu, '')
    .toLowerCase();

function person(index) {
  const [first, last] = [one(given), one(family)];
  const email = `${plain(first)}.${plain(last)}${below(90) + 10}@example.${one(['com', 'org', 'net'])}`;
  const phone = one([`+1 202-555-01${digits(2)}`, `(202) 555-01${digits(2)}`, `+44 20 7946 0${digits(3)}`, `020 7946 0${digits(3)}`]);
  const since = `20${below(16) + 10}-0${below(9) + 1}-${below(18) + 10}`;
  return [1001 + index, `${first} ${last}`, email, phone, card(), since, `${below(900)}.${digits(2)}`, one(notes)].join(',');
}

const header = 'id,name,email,phone,card,since,balance,note';
save('people.csv', `${[header, ...Array.from({ length: 240 }, (_, index) => person(index))].join('\n')}\n`);

const paths = [
  '/',
  '/index.html',
  '/landscape.jpg',
  '/landscape.jpg?w=320',
  '/people.csv',
  '/welcome.md',
  '/favicon.ico',
  '/search?q=lake',
];
const agents = ['Mozilla/5.0', 'curl/8.9.1', 'aliyun-sdk-python/2.19.1'];
function line(index) {
  const second = index * 3 + below(3);
  const time = new Date(Date.UTC(2026, 0, 31, 6) + second * 1000).toISOString().slice(11, 19);
  const status = one([200, 200, 200, 200, 200, 206, 304, 404]);
  return `203.0.113.${below(254) + 1} - - [31/Jan/2026:${time} +0000] "GET ${one(paths)} HTTP/1.1" ${status} ${below(90_000)} "-" "${one(agents)}"`;
}
save('access.log.gz', gzipSync(`${Array.from({ length: 4000 }, (_, index) => line(index)).join('\n')}\n`, { level: 9 }));

save(
  'welcome.md',
  `# Welcome

This page is kept as **Markdown** and given out as *HTML*. A function did that on the way: the bucket has no second copy of it.

## What just happened

- A client asked for \`welcome.md\` under the alias of an Object FC access point.
- Sluice checked the signature, and handed the request to the function \`markdown\`.
- The function read the original, and its answer went to the client.

## The whole of a function

\`\`\`ts
export default {
  async fetch(request, context) {
    const original = await context.original();
    return new Response((await original.text()).toUpperCase());
  },
};
\`\`\`

What stands here as <script>alert('HTML')</script> is shown, and not carried out.

More about [HTTP](https://www.rfc-editor.org/rfc/rfc9110).
`,
);
