# A mail server on loopback that prints its port, and then each mail that it accepts as a line
# of JSON. The first argument chooses what it does: accept, greylist (each first attempt is
# refused for now), full (all are), password (nobody may send who has not logged in).
import json
import socket
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Handler:
    attempts = 0

    async def handle_DATA(self, server, session, envelope):
        Handler.attempts += 1
        if mode == "full" or mode == "greylist" and Handler.attempts == 1:
            return "452 4.2.2 not now" if mode == "full" else "451 4.7.1 greylisted"
        print(json.dumps([envelope.mail_from, envelope.rcpt_tos, envelope.content.decode()]), flush=True)
        return "250 OK"


mode = sys.argv[1]
options = {}
if mode == "password":
    options = dict(auth_required=True, auth_require_tls=False,
                   authenticator=lambda *args: AuthResult(success=args[4].password == b"right", handled=False))
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
controller = Controller(Handler(), hostname="127.0.0.1", port=port, **options)
controller.start()
print(port, flush=True)
sys.stdin.read()
controller.stop()
