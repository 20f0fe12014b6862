// For njs: answers a subrequest of auth_request, with WebCrypto.
const IMPORT = {
    HS256: { name: 'HMAC', hash: 'SHA-256' },
    RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    ES256: { name: 'ECDSA', namedCurve: 'P-256' },
}['@ALGORITHM@'];
const VERIFY = {
    HS256: { name: 'HMAC' },
    RS256: { name: 'RSASSA-PKCS1-v1_5' },
    ES256: { name: 'ECDSA', hash: 'SHA-256' },
}['@ALGORITHM@'];
const KEY = Buffer.from('@KEY@', 'base64');
const FORMAT = '@ALGORITHM@' == 'HS256' ? 'raw' : 'spki';

async function check(r) {
    try {
        const token = r.headersIn.Authorization.slice('Bearer '.length).split('.');
        const header = JSON.parse(Buffer.from(token[0], 'base64url'));
        const key = await crypto.subtle.importKey(FORMAT, KEY, IMPORT, false, ['verify']);
        const signature = Buffer.from(token[2], 'base64url');
        const signed = Buffer.from(`${token[0]}.${token[1]}`);
        const genuine = await crypto.subtle.verify(VERIFY, key, signature, signed);
        const claims = JSON.parse(Buffer.from(token[1], 'base64url'));
        const timely = claims.exp > Date.now() / 1000;
        r.return(header.alg == '@ALGORITHM@' && genuine && timely ? 204 : 401);
    } catch (e) {
        r.return(401);
    }
}

export default { check };
