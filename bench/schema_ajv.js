// What schema_rate.c does, with ajv: node schema_ajv.js SCHEMA EVENTS SECONDS (ajv by NODE_PATH).
'use strict';
const fs = require('fs');
const Ajv = require('ajv/dist/2020').default;

const [schemaPath, eventsPath, seconds] = process.argv.slice(2);
const ajv = new Ajv();
require('ajv-formats').default(ajv);
const validate = ajv.compile(JSON.parse(fs.readFileSync(schemaPath, 'utf8')));
const texts = fs.readFileSync(eventsPath, 'utf8').trimEnd().split('\n');
const events = texts.map((text) => JSON.parse(text));

function rate(parse, length) {
  const before = process.cpuUsage();
  const until = process.hrtime.bigint() + BigInt(Math.round(length * 1e9));
  let done = 0;
  do {
    for (let i = 0; i < texts.length; i++) {
      if (!validate(parse ? JSON.parse(texts[i]) : events[i])) throw new Error(ajv.errorsText(validate.errors));
    }
    done += texts.length;
  } while (process.hrtime.bigint() < until);
  const used = process.cpuUsage(before);
  return (done * 1e6) / (used.user + used.system);
}

rate(false, 0.5); // until it is compiled
const validated = rate(false, Number(seconds));
rate(true, 0.5);
console.log(JSON.stringify({ validate: Math.round(validated), both: Math.round(rate(true, Number(seconds))) }));
