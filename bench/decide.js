// The peer of the benchmark `decide`: GrowthBook's SDK for servers (npm) behind Node's own HTTP server, with the same
// rules. It has no store of people: their attributes follow from their number (as decide_people.c makes them), which is
// less work than a look-up.
//
// node decide.js PORT RULES.json
'use strict';
const fs = require('fs');
const http = require('http');
const { GrowthBookClient } = require('@growthbook/growthbook');

const [port, rules] = process.argv.slice(2);
const COUNTRIES = ['DE', 'US', 'FR', 'GB'], SEGMENTS = ['Consumer', 'Corporate', 'Home Office'];
const TIERS = ['none', 'bronze', 'silver', 'gold', 'platinum'];

function mix(number, what) {
    let hash = (Math.imul(number + 1, 2654435761) + Math.imul(what, 40503)) >>> 0;
    hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b) >>> 0;
    return (hash ^ hash >>> 13) >>> 0;
}

function within(number, what, n, days, window) {
    let count = 0;
    for (let k = 0; k < n; k++)
        count += mix(number, what + k) % days < window;
    return count;
}

function attributesOf(number, context) {
    const orders = mix(number, 0) % 6;
    let total = 0;
    for (let k = 0; k < orders; k++)
        total += 500 + mix(number, 20 + k) % 20000;
    return {
        id: `prf_bench-${number}`, orders, total, visits30: within(number, 30, 1 + mix(number, 1) % 8, 120, 30),
        viewed7: within(number, 40, mix(number, 2) % 7, 40, 7), tier: TIERS[mix(number, 3) % 5],
        segment: SEGMENTS[mix(number, 4) % 3], country: COUNTRIES[mix(number, 5) % 4], device: (context || {}).device,
    };
}

const client = new GrowthBookClient();
client.initSync({ payload: { features: JSON.parse(fs.readFileSync(rules, 'utf8')) } });

function decide(asked) {
    const user = { attributes: attributesOf(Number(asked.customer_id.slice('prf_bench-'.length)), asked.context) };
    return { decisions: asked.slots.map((slot) => ({ slot, variant: client.evalFeature(slot, user).value })) };
}

http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
        const answer = request.method === 'POST' ? JSON.stringify(decide(JSON.parse(Buffer.concat(parts)))) : '{}';
        response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(answer) });
        response.end(answer);
    });
}).listen(Number(port), '127.0.0.1');
