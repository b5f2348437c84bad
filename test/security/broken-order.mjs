// Loaded into a server on purpose by crash.test.ts: blobs get their name only a while after the write was acknowledged.
import fs from 'node:fs';

const rename = fs.rename;
fs.rename = (from, to, done) => {
  if (!String(to).includes('/blobs/')) return rename(from, to, done);
  setTimeout(() => rename(from, to, () => {}), 400);
  done(null);
};
