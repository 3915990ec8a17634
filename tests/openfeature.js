// OpenFeature's server SDK with its OFREP provider, as an application has them. Evaluates what it is told on standard
// input, and prints what the SDK gave.
//
// node openfeature.js URL TOKEN <<< '{"evaluations": [{type, key, default, context}], "bulk": context}'
'use strict';
const { OpenFeature } = require('@openfeature/server-sdk');
const { OFREPProvider } = require('@openfeature/ofrep-provider');
const { OFREPApi } = require('@openfeature/ofrep-core');

const [baseUrl, token] = process.argv.slice(2);
const headers = [['Authorization', `Bearer ${token}`]];

// The answer, its tag, and whether asking again with that tag says that nothing has changed.
async function bulk(context) {
    const api = new OFREPApi(baseUrl);
    const first = await api.postBulkEvaluateFlags({ context }, { headers });
    const etag = first.httpResponse.headers.get('ETag');
    const again = await api.postBulkEvaluateFlags({ context }, { headers: [...headers, ['If-None-Match', etag]] });
    return { status: first.httpStatus, etag, flags: first.value.flags, again: again.httpStatus };
}

async function main() {
    const asked = JSON.parse(require('fs').readFileSync(0, 'utf8'));
    await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl, headers }));
    const client = OpenFeature.getClient();
    const ask = {
        boolean: (...args) => client.getBooleanDetails(...args),
        string: (...args) => client.getStringDetails(...args),
        number: (...args) => client.getNumberDetails(...args),
        object: (...args) => client.getObjectDetails(...args),
    };
    const evaluations = [];
    for (const { type, key, default: fallback, context } of asked.evaluations)
        evaluations.push(await ask[type](key, fallback, context));
    console.log(JSON.stringify({ evaluations, bulk: await bulk(asked.bulk) }));
    await OpenFeature.close();
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
