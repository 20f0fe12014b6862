"""A client of t/mcp.t, by the SDK for Python: as client.mjs, which see.

client.py NGINX PROVIDER        (the origins)
"""

import asyncio
import contextlib
import json
import logging
import sys
import urllib.parse

import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata

NGINX, PROVIDER = sys.argv[1:]
REDIRECT = "http://localhost:1/callback"

exchanges = []
authorizations = []


async def watched(response):
    """Takes an answer down, and the request it belongs to."""
    request = response.request
    origin = f"{request.url.scheme}://{request.url.netloc.decode()}"
    exchanges.append({
        "method": request.method,
        "to": {NGINX: "nginx", PROVIDER: "provider"}.get(origin, origin),
        "path": request.url.path,
        "status": response.status_code,
        "tool": request.headers.get("mcp-name"),
        "had_token": "authorization" in request.headers,
        "challenge": response.headers.get("www-authenticate"),
    })


async def browse(url):
    """What a browser would do: follow redirects, with cookies, until they lead back to the client."""
    async with httpx2.AsyncClient() as browser:
        for _ in range(20):
            answer = await browser.get(url)
            if "location" not in answer.headers:
                raise RuntimeError(f"{url}: {answer.status_code} {answer.text}")
            url = urllib.parse.urljoin(url, answer.headers["location"])
            if url.startswith(REDIRECT):
                return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    raise RuntimeError("no end of redirects")


class Memory:
    """What the SDK keeps between requests."""

    tokens = None
    client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


def provider(memory, path):
    answer = {}

    async def redirect(url):
        authorizations.append(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query)))
        answer.update(await browse(url))

    async def callback():
        return AuthorizationCodeResult(code=answer["code"], state=answer.get("state"), iss=answer.get("iss"))

    metadata = OAuthClientMetadata(
        client_name="test",
        redirect_uris=[REDIRECT],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        token_endpoint_auth_method="none",
    )
    return OAuthClientProvider(NGINX + path, metadata, memory, redirect, callback)


def http(memory, path):
    return httpx2.AsyncClient(auth=provider(memory, path), timeout=30, event_hooks={"response": [watched]})


def connected(client, path):
    return Client(streamable_http_client(NGINX + path, http_client=client))


async def call(client, name):
    result = await client.call_tool(name)
    return result.content[0].text


async def step(name, memory, action):
    """A step: its action's result, or how it failed; with the requests and logins it took. What else it gives is given."""
    exchanges.clear()
    authorizations.clear()
    given = None
    try:
        given, result = await action()
        outcome = {"result": result}
    except Exception as error:
        outcome = {"error": repr(error)}
    tokens = memory.tokens and memory.tokens.model_dump(mode="json")
    told = {"step": name, **outcome, "exchanges": exchanges, "authorizations": authorizations, "tokens": tokens}
    print(json.dumps(told), flush=True)
    return given


async def lifetime(seconds):
    async with httpx2.AsyncClient() as client:
        await client.post(f"{PROVIDER}/test/lifetime/{seconds}")


async def whoami(memory, path):
    async with http(memory, path) as client, connected(client, path) as connection:
        return await call(connection, "whoami")


async def main():
    memory = Memory()
    async with contextlib.AsyncExitStack() as stack:

        async def begin():
            client = await stack.enter_async_context(http(memory, "/mcp"))
            connection = await stack.enter_async_context(connected(client, "/mcp"))
            tools = (await connection.list_tools()).tools
            return connection, [" ".join(sorted(tool.name for tool in tools)), await call(connection, "whoami")]

        async def step_up():
            return connection, [await call(connection, "publish"), await call(connection, "whoami")]

        connection = await step("begin", memory, begin)
        await step("step up", memory, step_up)

    # A login whose token has expired when a client that has kept it uses it again; how it comes out does not matter.
    late = Memory()
    await lifetime(1)
    with contextlib.suppress(Exception):
        await whoami(late, "/mcp")
    await lifetime(600)
    await asyncio.sleep(2.5)

    async def expired():
        return None, await whoami(late, "/mcp")

    await step("expired", late, expired)
    other = Memory()

    async def another():
        return None, await whoami(other, "/")

    await step("another resource", other, another)


logging.disable()
asyncio.run(main())
