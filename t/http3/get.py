"""Makes HTTP/3 requests over one connection: get.py PORT < requests.json > answers.json

The input is a list of {"method", "path", "token" or null, "body" or null, "headers" (pairs of name and
value) or null, "authority" or null for localhost}, all sent before the first answer is awaited; the
output is a list of {"status", "headers", "body"} in the same order.
"""

import asyncio
import json
import ssl
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.http = H3Connection(self._quic)
        self.answers = {}

    def quic_event_received(self, event):
        for piece in self.http.handle_event(event):
            answer = self.answers.get(getattr(piece, "stream_id", None))
            if answer is None:
                continue
            if isinstance(piece, HeadersReceived):
                headers = {name.decode(): value.decode() for name, value in piece.headers}
                answer["status"] = int(headers.pop(":status"))
                answer["headers"] = headers
            elif isinstance(piece, DataReceived):
                answer["body"] += piece.data.decode()
            if piece.stream_ended:
                answer["done"].set()

    def send(self, request):
        stream = self._quic.get_next_available_stream_id()
        body = (request.get("body") or "").encode()
        headers = [
            (b":method", request["method"].encode()),
            (b":scheme", b"https"),
            (b":authority", (request.get("authority") or "localhost").encode()),
            (b":path", request["path"].encode()),
        ]
        if request.get("token") is not None:
            headers.append((b"authorization", b"Bearer " + request["token"].encode()))
        for name, value in request.get("headers") or []:
            headers.append((name.encode(), value.encode()))
        self.http.send_headers(stream, headers, end_stream=not body)
        if body:
            self.http.send_data(stream, body, end_stream=True)
        answer = {"status": None, "headers": {}, "body": "", "done": asyncio.Event()}
        self.answers[stream] = answer
        return answer


async def main(port, requests):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN)
    configuration.verify_mode = ssl.CERT_NONE
    configuration.server_name = "localhost"
    async with connect("127.0.0.1", port, configuration=configuration, create_protocol=Client) as client:
        answers = [client.send(request) for request in requests]
        client.transmit()
        for answer in answers:
            await asyncio.wait_for(answer["done"].wait(), 20)
            del answer["done"]
    return answers


print(json.dumps(asyncio.run(main(int(sys.argv[1]), json.load(sys.stdin)))))
