// What bench/search asks, of minisearch: node search_minisearch.js FILE DOCUMENTS QUERIES SECONDS (by NODE_PATH). Seconds: no
// longer for one kind.
'use strict';
const fs = require('fs');
const readline = require('readline');
const MiniSearch = require('minisearch');

const [path, documents, queriesPath, seconds] = process.argv.slice(2);
const edits = (term) => (term.length < 4 ? false : term.length < 8 ? 1 : 2);
const now = () => Number(process.hrtime.bigint()) / 1e9;

async function fill(index) {
  let n = 0;
  for await (const line of readline.createInterface({ input: fs.createReadStream(path) })) {
    if (n++ === Number(documents)) break;
    index.add(JSON.parse(line));
  }
}

function ask(index, kind, queries) {
  const times = [];
  const until = now() + Number(seconds);
  for (const [words, category] of queries) {
    const begun = now();
    index.search(words.join(' '), {
      combineWith: 'AND',
      prefix: (term, i, terms) => i === terms.length - 1,
      fuzzy: kind.includes('mistake') ? edits : false,
      ...(category ? { filter: (hit) => hit.category === category } : {}),
    }).slice(0, 20);
    times.push(now() - begun);
    if (now() > until) break;
  }
  return times;
}

async function main() {
  const index = new MiniSearch({ idField: 'product_id', fields: ['name', 'category', 'subcategory'], storeFields: ['category'] });
  const begun = now();
  await fill(index);
  const took = now() - begun;
  const times = {};
  for (const [kind, queries] of Object.entries(JSON.parse(fs.readFileSync(queriesPath, 'utf8')))) {
    times[kind] = kind.includes('phrase') ? null : ask(index, kind, queries); // it has none
  }
  console.log(JSON.stringify({ times, seconds: took, bytes: process.memoryUsage().rss }));
}

main();
