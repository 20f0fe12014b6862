// Express with express-jwt; the key is parsed once. Arguments: two ports, algorithm, key, file.
const { createPublicKey, createSecretKey } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');

const [plain, guarded, algorithm, keyFile, file, directory] = process.argv.slice(2);
const load = createRequire(`${directory}/package.json`);
const express = load('express');
const { expressjwt } = load('express-jwt');

const text = readFileSync(keyFile, 'utf8');
const secret = algorithm === 'HS256' ? createSecretKey(text, 'utf8') : createPublicKey(text);
const body = readFileSync(file, 'utf8');
const answer = (request, response) => response.type('text/plain').send(body);

process.env.NODE_ENV = 'production';
express().get('/small.txt', answer).listen(Number(plain), '127.0.0.1');
express()
    .use(expressjwt({ secret, algorithms: [algorithm] }))
    .get('/small.txt', answer)
    .use((error, request, response, next) => response.status(error.status ?? 500).end())
    .listen(Number(guarded), '127.0.0.1');
