"""A plain client by Debian's python3-websockets. argv: url, and a token unless there is none.

Prints what happens, one line each: `open <subprotocol>`, `message <text>`, `ping`, `closed <code> <reason>` and
`refused <status>`. Each line of its stdin is sent as a message.
"""

import asyncio
import sys

import websockets
from websockets.frames import Opcode
from websockets.legacy.client import WebSocketClientProtocol


class Client(WebSocketClientProtocol):
    """The library answers pings by itself; this only tells of them."""

    async def read_frame(self, max_size):
        frame = await super().read_frame(max_size)
        if frame.opcode is Opcode.PING:
            say("ping")
        return frame


def say(*words):
    print(*words, flush=True)


async def speak(client):
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        await client.send(line.decode().rstrip("\n"))


async def main(url, token=None):
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        # Its own pings are off: the server's have to be enough.
        client = await websockets.connect(url, create_protocol=Client, extra_headers=headers, ping_interval=None)
    except websockets.InvalidStatusCode as refusal:
        say("refused", refusal.status_code)
        return
    say("open", client.subprotocol)
    speaking = asyncio.create_task(speak(client))
    try:
        async for message in client:
            say("message", message)
        # A close with 1000 or 1001 ends the loop.
        say("closed", client.close_code, client.close_reason)
    except websockets.ConnectionClosed as end:
        say("closed", end.code, end.reason)
    speaking.cancel()


asyncio.run(main(*sys.argv[1:]))
