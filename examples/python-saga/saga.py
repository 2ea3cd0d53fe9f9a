"""An order: stock is reserved, the card is charged, a parcel is sent; what fails is undone.

Its journal is a SQLite file, so that it goes on where it was after a crash.
"""
import http.server
import json
import os
import sqlite3
import sys
import time
import urllib.error
import urllib.request

STEPS = [
    ("STOCK", "reserve", "release"),
    ("PAYMENTS", "charge", "refund"),
    ("CARRIER", "ship", None),
]
# For finding out what the tests find out.
WITHOUT_KEYS = os.environ.get("WITHOUT_KEYS") == "yes"
WITHOUT_RESUMING = os.environ.get("WITHOUT_RESUMING") == "yes"

journal = sqlite3.connect(os.environ["JOURNAL"], check_same_thread=False, isolation_level=None)
journal.execute("create table if not exists orders (id text primary key, state text, done integer)")


def call(service, operation, order, key):
    """Calls a service; retries what may be transient, with the same key."""
    for wait in (0.02, 0.04, 0.08, None):
        request = urllib.request.Request(
            f"{os.environ[service]}/{operation}", json.dumps({"order": order}).encode(), method="POST"
        )
        request.add_header("Content-Type", "application/json")
        if not WITHOUT_KEYS:
            request.add_header("Idempotency-Key", key)
        try:
            with urllib.request.urlopen(request, timeout=2) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 503 or wait is None:
                raise
        except OSError:
            if wait is None:
                raise
        time.sleep(wait)


def run(order):
    """Runs an order from where its journal says it is."""
    state, done = journal.execute("select state, done from orders where id = ?", (order,)).fetchone()
    while state == "running" and done < len(STEPS):
        service, operation, _ = STEPS[done]
        try:
            call(service, operation, order, f"{order}/{service}")
        except (OSError, urllib.error.HTTPError) as error:
            print(f"{order}: {operation} failed: {error}", flush=True)
            # Whether the step has had its effect is unknown, so it is undone too.
            state, done = "undoing", done + 1
            journal.execute("update orders set state = ?, done = ? where id = ?", (state, done, order))
            break
        done += 1
        journal.execute("update orders set done = ? where id = ?", (done, order))
    while state == "undoing" and done > 0:
        service, _, undo = STEPS[done - 1]
        if undo:
            call(service, undo, order, f"{order}/{service}")
        done -= 1
        journal.execute("update orders set done = ? where id = ?", (done, order))
    state = "undone" if state in ("undoing", "undone") else "completed"
    journal.execute("update orders set state = ? where id = ?", (state, order))
    return state


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, {"ready": True})

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["order"]
        journal.execute("insert or ignore into orders values (?, 'running', 0)", (order,))
        self.answer(200, {"order": order, "state": run(order)})

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if not WITHOUT_RESUMING:
    for (order,) in journal.execute("select id from orders where state in ('running', 'undoing')").fetchall():
        print(f"{order}: resumed, now {run(order)}", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
