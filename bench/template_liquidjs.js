// What template_rate.c does, with liquidjs: node template_liquidjs.js TEMPLATE DATA SECONDS RESULT (by NODE_PATH).
'use strict';
const fs = require('fs');
const { Liquid } = require('liquidjs');

const [templatePath, dataPath, seconds, resultPath] = process.argv.slice(2);
const engine = new Liquid({ outputEscape: 'escape', timezoneOffset: 0 });
const source = fs.readFileSync(templatePath, 'utf8');
const text = fs.readFileSync(dataPath, 'utf8');
const data = JSON.parse(text);
const template = engine.parse(source);

const jobs = {
  render: () => engine.renderSync(template, data),
  both: () => engine.renderSync(template, JSON.parse(text)),
  compile: () => engine.parse(source),
};

function rate(job, length) {
  const before = process.cpuUsage();
  const until = process.hrtime.bigint() + BigInt(Math.round(length * 1e9));
  let done = 0;
  do {
    for (let i = 0; i < 10; i++) job();
    done += 10;
  } while (process.hrtime.bigint() < until);
  const used = process.cpuUsage(before);
  return (done * 1e6) / (used.user + used.system);
}

fs.writeFileSync(resultPath, jobs.render());
const rates = {};
for (const [name, job] of Object.entries(jobs)) {
  rate(job, 0.5); // until it is compiled
  rates[name] = Math.round(rate(job, Number(seconds)));
}
console.log(JSON.stringify(rates));
