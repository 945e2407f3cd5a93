// An OpenID provider (npm oidc-provider) on the loopback interface, for tests only. Its people, clients and secrets are
// synthetic. It prints its address; whoever asks for a login is logged in at once as `u-1`, and `/test/rotate` gives it
// other keys. It ends with its standard input.

import { createServer } from 'node:http';
import { generateKeyPair, exportJWK } from 'jose';
import Provider from 'oidc-provider';

const [redirect, logout] = process.argv.slice(2);
const PERSON = { name: '測試承辦人', org: '301000000A', roles: ['承辦人', '稽核人員'], unit_path: ['301000000A/民政司'] };
let rotations = 0;
let handler;

async function provider(issuer) {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: `k${rotations}` };
  const made = new Provider(issuer, {
    jwks: { keys: [key] },
    cookies: { keys: ['synthetic'] },
    clients: [
      {
        client_id: 'mailbox', client_secret: 'synthetic-secret', grant_types: ['client_credentials'],
        redirect_uris: [], response_types: [],
      },
      {
        client_id: 'fenwen', client_secret: 'synthetic secret/+', grant_types: ['authorization_code'],
        redirect_uris: [redirect], response_types: ['code'], backchannel_logout_uri: logout,
        backchannel_logout_session_required: true,
      },
    ],
    claims: { openid: ['sub', 'org', 'roles', 'unit_path'], profile: ['name'], amr: null, sid: null },
    conformIdTokenClaims: false,
    ttl: { ClientCredentials: 600, AccessToken: 60, IdToken: 60, Session: 600, Grant: 600, Interaction: 60 },
    features: {
      backchannelLogout: { enabled: true },
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:fenwen',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'letters:classify jobs:read',
          audience: 'fenwen',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    // Its own fetch refuses loopback addresses, and nothing here goes beyond them.
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...PERSON }) }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  });
  const answers = made.callback();
  return async (request, response) => {
    if (!request.url.startsWith('/interaction/')) return answers(request, response);
    const { prompt, params, session, grantId } = await made.interactionDetails(request, response);
    if (prompt.name === 'login') {
      return made.interactionFinished(request, response, { login: { accountId: 'u-1', amr: ['hwk'] } });
    }
    const grant = grantId
      ? await made.Grant.find(grantId)
      : new made.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope('openid profile');
    return made.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
  };
}

const server = createServer(async (request, response) => {
  if (request.url === '/test/rotate') {
    rotations += 1;
    handler = await provider(issuer);
    return response.end();
  }
  return handler(request, response);
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const issuer = `http://127.0.0.1:${server.address().port}`;
handler = await provider(issuer);
console.log(issuer);
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
