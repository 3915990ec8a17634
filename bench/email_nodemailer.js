// nodemailer, given HTML that is rendered already.
//   email_nodemailer.js write HTML SECONDS                     {"plain": N, "rsa": N} messages in a second of CPU
//   email_nodemailer.js send HTML PORT CONNECTIONS MESSAGES    {"per_s": N}, with DKIM, over a pool
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const nodemailer = require('nodemailer');

const [job, file, ...rest] = process.argv.slice(2);
const html = fs.readFileSync(file, 'utf8');
const text = html.replace(/<style[\s\S]*?<\/style>/g, '').replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048, privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } });
const dkim = { domainName: 'shop.example', keySelector: 'a', privateKey };

function message(i) {
  return {
    from: '"Shop" <news@shop.example>', to: `"Person ${i}" <prf_${i}@shop.example>`, subject: `News for ${i}`, html, text,
    messageId: `<msg_${i}@shop.example>`, list: { unsubscribe: { url: `https://shop.example/u/${i}`, comment: '' } }
  };
}

async function write(seconds) {
  const found = {};
  for (const [kind, settings] of Object.entries({ plain: {}, rsa: { dkim } })) {
    const transport = nodemailer.createTransport({ streamTransport: true, buffer: true, ...settings });
    const until = Date.now() + seconds * 1000, before = process.cpuUsage();
    let n = 0;
    while (Date.now() < until)
      await transport.sendMail(message(n++));
    const spent = process.cpuUsage(before);
    found[kind] = Math.round(n * 1e6 / (spent.user + spent.system));
  }
  return found;
}

async function send(port, connections, n) {
  const transport = nodemailer.createTransport({ host: '127.0.0.1', port, secure: false, ignoreTLS: true, pool: true, maxConnections: connections, maxMessages: Infinity, dkim });
  const begun = Date.now();
  let next = 0;
  const worker = async () => { while (next < n) await transport.sendMail(message(next++)); };
  await Promise.all(Array.from({ length: connections * 2 }, worker));
  transport.close();
  return { per_s: n * 1000 / (Date.now() - begun) };
}

(job === 'write' ? write(Number(rest[0])) : send(...rest.map(Number))).then((found) => console.log(JSON.stringify(found)));
